package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"gopkg.in/yaml.v3"
)

//go:embed notes/*.md
var notes embed.FS

var (
	markdown  = goldmark.New(goldmark.WithExtensions(extension.GFM))
	sanitizer = bluemonday.UGCPolicy()
	layout    = template.Must(template.New("page").Parse(
		"<title>{{.Title}}</title>\n<h1>{{.Title}}</h1>\n{{.Body}}<footer>edition {{.Edition}}</footer>\n"))
)

// render turns a note (YAML front matter between two lines of dashes, then Markdown) into a page.
func render(note []byte, edition string) ([]byte, error) {
	parts := bytes.SplitN(note, []byte("---\n"), 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("a note starts with its front matter between two lines of ---")
	}
	var front struct{ Title string }
	if err := yaml.Unmarshal(parts[1], &front); err != nil {
		return nil, fmt.Errorf("front matter: %w", err)
	}
	var body, page bytes.Buffer
	if err := markdown.Convert(parts[2], &body); err != nil {
		return nil, err
	}
	err := layout.Execute(&page, map[string]any{
		"Title":   front.Title,
		"Body":    template.HTML(sanitizer.SanitizeBytes(body.Bytes())),
		"Edition": edition,
	})
	return page.Bytes(), err
}
