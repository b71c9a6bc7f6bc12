"""The review: one document model, built once from a sealed release, and its writers (PDF, DOCX, XLSX, HTML)."""
