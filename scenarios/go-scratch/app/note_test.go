package main

import (
	"strings"
	"testing"
)

func TestScriptsAreTakenOut(t *testing.T) {
	page, err := render([]byte("---\ntitle: T\n---\n*a* <script>alert(1)</script>\n"), "e")
	if err != nil {
		t.Fatal(err)
	}
	if text := string(page); !strings.Contains(text, "<em>a</em>") || strings.Contains(text, "script") {
		t.Errorf("unexpected page: %s", text)
	}
}
