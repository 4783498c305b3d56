package mirror

// pageWriter is what the single writer remembers between transactions.
type pageWriter struct{}

func newPageWriter() *pageWriter { return &pageWriter{} }
