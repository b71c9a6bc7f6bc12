/* Saves a chart as a picture: the drawing as it stands, with its title above and the address below. Set once a page. */
if (!window.savesPictures) {
  window.savesPictures = true;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.save");
    if (!button) return;
    const image = document.querySelector(`.${button.dataset.picture} img`);
    const carried = (image) => new DOMParser().parseFromString(decodeURIComponent(image.src.slice(image.src.indexOf(",") + 1)), "image/svg+xml");
    const drawings = image
      ? [carried(image).documentElement]
      : document.querySelectorAll(`.${button.dataset.picture} svg.main-svg`);
    if (!drawings.length) return;
    const space = "http://www.w3.org/2000/svg";
    const { width, height } = image
      ? { width: image.naturalWidth, height: image.naturalHeight }
      : drawings[0].getBoundingClientRect();
    const picture = document.createElementNS(space, "svg");
    const write = (words, y, size) => {
      const line = document.createElementNS(space, "text");
      line.setAttribute("x", 8);
      line.setAttribute("y", y);
      line.setAttribute("font-size", size);
      line.setAttribute("font-family", "Noto Sans SC, Microsoft YaHei, PingFang SC, sans-serif");
      line.textContent = words;
      picture.append(line);
    };
    picture.setAttribute("xmlns", space);
    picture.setAttribute("width", Math.max(width, 640));
    picture.setAttribute("height", height + 56);
    picture.style.background = "#fff";
    write(button.dataset.title, 20, 14);
    drawings.forEach((drawing) => {
      const copy = drawing.cloneNode(true);
      copy.setAttribute("y", 32);
      picture.append(copy);
    });
    write(location.href, height + 50, 9);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(picture)], { type: "image/svg+xml" }));
    link.download = `${button.dataset.title}.svg`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}
