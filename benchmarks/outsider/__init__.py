"""An attack on public releases that imports nothing of the project: it reads published folders and knows what design and README say."""
