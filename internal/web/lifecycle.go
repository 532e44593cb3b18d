package web

import (
	"net/http"
)

// lifecycle registers the /-/ endpoints.
func lifecycle(mux *http.ServeMux, o Options) {
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "The exporter is healthy.") })
	// The handler exists only once a configuration is loaded.
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "The exporter is ready.") })
	mux.HandleFunc("POST /-/reload", func(w http.ResponseWriter, _ *http.Request) {
		if err := o.Reload(); err != nil {
			// The error may not be meant for everybody who can reload.
			say(w, http.StatusInternalServerError, "The configuration was not loaded; the previous one stays in force. The exporter's log says why.")
			return
		}
		say(w, http.StatusOK, "The configuration was reloaded.")
	})
}

// say answers with plain text.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
