module example.test/notes

// edition 0000000000000000

go 1.21

require (
	github.com/dustin/go-humanize v1.0.1
	github.com/go-chi/chi/v5 v5.0.12
	github.com/microcosm-cc/bluemonday v1.0.26
	github.com/yuin/goldmark v1.7.4
	gopkg.in/yaml.v3 v3.0.1
)

require (
	github.com/aymerick/douceur v0.2.0 // indirect
	github.com/gorilla/css v1.0.0 // indirect
	golang.org/x/net v0.17.0 // indirect
)
