package web

import (
	"net/http"
)

// lifecycle sets up the endpoints that are about the process.
func lifecycle(mux *http.ServeMux, o Options) {
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "The exporter is healthy.") })
	// The handler exists only with a configuration loaded.
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "The exporter is ready.") })
	mux.HandleFunc("POST /-/reload", func(w http.ResponseWriter, _ *http.Request) {
		if err := o.Reload(); err != nil {
			// Not everybody who may ask may know why.
			say(w, http.StatusInternalServerError, "The configuration could not be loaded, and the one before stays in force: the exporter's log says why.")
			return
		}
		say(w, http.StatusOK, "The configuration was loaded again.")
	})
}

// say answers with a text.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
