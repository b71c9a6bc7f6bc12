/* Puts the framework's own words into the page's language, and says what its links are: it has no way to be told. */
window.speak = () => {
  const differs = (word) => word in window.said && window.said[word] !== word;
  for (const button of document.querySelectorAll("button[aria-label]")) {
    if (differs(button.ariaLabel)) button.ariaLabel = window.said[button.ariaLabel];
  }
  for (const link of document.querySelectorAll("a[href^='#']")) {
    if (differs(link.textContent)) link.textContent = window.said[link.textContent];
  }
  document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true");
  const pages = document.querySelector(".st-key-pages");
  if (pages && pages.ariaLabel !== window.said.pages) {
    pages.role = "navigation";
    pages.ariaLabel = window.said.pages;
  }
};
if (!window.speaks) {
  window.speaks = new MutationObserver(() => window.speak());
  window.speaks.observe(document.body, { childList: true, subtree: true });
}
window.speak();
/* Saves a chart as a picture: the drawing as it stands, its title above, the words of its card and the address below. Set
   once a page. */
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
    const tiles = document.querySelector(`.${button.dataset.picture} ul.tiles`);
    if (!drawings.length && !tiles) return;
    const space = "http://www.w3.org/2000/svg";
    const { width, height } = image
      ? { width: image.naturalWidth, height: image.naturalHeight }
      : (drawings[0] ?? tiles).getBoundingClientRect();
    const picture = document.createElementNS(space, "svg");
    const put = (name, attributes, words = "") => {
      const drawn = document.createElementNS(space, name);
      for (const [key, value] of Object.entries(attributes)) drawn.setAttribute(key, value);
      drawn.textContent = words;
      picture.append(drawn);
    };
    const family = "Noto Sans SC, Microsoft YaHei, PingFang SC, sans-serif";
    const write = (words, y, size, x = 8, fill = "#000") =>
      put("text", { x, y, "font-size": size, "font-family": family, fill }, words);
    const drawTile = (tile, left, top) => {
      const { backgroundColor, color } = getComputedStyle(tile);
      const box = tile.getBoundingClientRect();
      const [x, y] = [box.left - left, box.top - top + 32];
      put("rect", { x, y, width: box.width, height: box.height, rx: 4, fill: backgroundColor });
      const [name, value] = [...tile.children].map((part) => part.textContent);
      const room = box.width / 8;
      const lines = name.split(" ").reduce((all, word) => {
        const longer = `${all.at(-1)} ${word}`.trim();
        return longer.length > room && all.at(-1) ? [...all, word] : [...all.slice(0, -1), longer];
      }, [""]);
      lines.forEach((words, place) => write(words, y + 18 + 14 * place, 12, x + 8, color));
      write(value, y + box.height - 9, 15, x + 8, color);
    };
    picture.setAttribute("xmlns", space);
    picture.setAttribute("width", Math.max(width, 640));
    const chart = document.querySelector(`.${button.dataset.picture}`);
    const finding = image?.alt ?? chart.querySelector("[role=figure]")?.ariaLabel
      ?? [...tiles.children].map((tile) => [...tile.children].map((part) => part.textContent).join(" ")).join("; ");
    const said = [...button.dataset.words.split("\n"), location.href];
    picture.setAttribute("height", height + 44 + 14 * said.length);
    picture.setAttribute("role", "img");
    picture.style.background = "#fff";
    put("title", {}, button.dataset.title);
    put("desc", {}, finding);
    write(button.dataset.title, 20, 14);
    drawings.forEach((drawing) => {
      const copy = drawing.cloneNode(true);
      copy.setAttribute("y", 32);
      picture.append(copy);
    });
    if (tiles) {
      const { left, top } = tiles.getBoundingClientRect();
      [...tiles.children].forEach((tile) => drawTile(tile, left, top));
    }
    said.forEach((words, place) => write(words, height + 48 + 14 * place, 10));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(picture)], { type: "image/svg+xml" }));
    link.download = `${button.dataset.title}.svg`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}
/* A chart is as wide as the screen was when it was drawn: on paper it must shrink as a whole. */
if (!window.shrinksCharts) {
  window.shrinksCharts = true;
  const drawings = () => document.querySelectorAll(".stPlotlyChart .main-svg");
  window.addEventListener("beforeprint", () =>
    drawings().forEach((drawing) => drawing.setAttribute("viewBox", `0 0 ${drawing.clientWidth} ${drawing.clientHeight}`)),
  );
  window.addEventListener("afterprint", () => drawings().forEach((drawing) => drawing.removeAttribute("viewBox")));
}
