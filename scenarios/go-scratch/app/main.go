// Notes: serves Markdown notes as clean HTML pages.
package main

import (
	"errors"
	"io/fs"
	"log"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// edition tells which build of the program answers; it stands at the foot of every page.
const edition = "0000000000000000"

func main() {
	router := chi.NewRouter()
	router.Use(middleware.Recoverer)
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	router.Get("/notes/{name}", showNote)

	server := &http.Server{Addr: ":8080", Handler: router, ReadHeaderTimeout: 5 * time.Second}
	log.Printf("edition %s listens on %s", edition, server.Addr)
	log.Fatal(server.ListenAndServe())
}

func showNote(w http.ResponseWriter, r *http.Request) {
	text, err := fs.ReadFile(notes, "notes/"+chi.URLParam(r, "name")+".md")
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, r)
		return
	}
	page, err := render(text, edition)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(page)
}
