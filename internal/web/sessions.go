package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/sessiontable"
)

// sessionsAtOnce is the maximum number of requests for sessions served at a time.
const sessionsAtOnce = 4

// The formats in which sessions are served.
const (
	formatHTML = "html"
	formatJSON = "json"
	formatCSV  = "csv"
)

// sessions serves the live table: one page of a node's session list, straight
// from the API, and the button that triggers a scan.
type sessions struct {
	Options
	outbox *outbox
	slots  chan struct{}
}

// handleSessions registers the live table.
func handleSessions(mux *http.ServeMux, t *sessions) {
	if t.Sessions == nil {
		mux.Handle("/sessions", t.onlyIfEnabled("The live table of sessions", t.show))
		return
	}
	mux.Handle("GET /sessions", t.guarded(t.show))
	mux.Handle("POST /sessions", t.guarded(t.scan))
}

// onlyIfEnabled is like guarded where the live table is enabled; elsewhere the
// answer says that it is not.
func (t *sessions) onlyIfEnabled(what string, serve func(http.ResponseWriter, *http.Request, Settings)) http.Handler {
	if t.Sessions != nil {
		return t.guarded(serve)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusNotFound, what+" is not enabled: start the exporter with --web.enable-sessions.")
	})
}

// guarded admits only requests that may see sessions, limits how many are served
// at a time, and gives each as much time as a scrape.
func (t *sessions) guarded(serve func(http.ResponseWriter, *http.Request, Settings)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		if err := t.Sessions.admit(r); err != nil {
			say(w, http.StatusForbidden, "Refused: "+err.Error()+".")
			return
		}
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			say(w, http.StatusForbidden, "Refused: the request comes from another site's page.") // the other site could not read the answer, but use up the API's limits
			return
		}
		// Read the form first: a slow client must not occupy a slot.
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			say(w, http.StatusBadRequest, "Cannot read the parameters or the form: "+err.Error()+".")
			return
		}
		select {
		case t.slots <- struct{}{}:
		default:
			h.Set("Retry-After", "2")
			say(w, http.StatusServiceUnavailable, fmt.Sprintf("The limit of %d concurrent requests for sessions is reached: try again in a few seconds.", sessionsAtOnce))
			return
		}
		t.outbox.send(w, t.answer(w, r, serve)) // the slot is free again: a slow reader does not occupy it
	})
}

// answer makes the answer to a request that holds a slot, and frees the slot.
func (t *sessions) answer(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter, *http.Request, Settings)) *answer {
	defer func() { <-t.slots }()
	s, done := t.Settings()
	defer done()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.Timeout + slack)) // tests may not have it
	ctx, cancel := context.WithTimeout(r.Context(), s.Timeout)
	defer cancel()
	out := newAnswer()
	serve(out, r.WithContext(ctx), s)
	return out
}

// show serves a page of sessions.
func (t *sessions) show(w http.ResponseWriter, r *http.Request, s Settings) {
	asked, format, err := parse(r.Form)
	v := view{collector: s.Collector, query: asked}
	if err == nil {
		err = v.read(r.Context())
	} else if format == formatHTML { // the page can still offer instances and nodes
		v.query = sessiontable.Query{Instance: asked.Instance, Node: asked.Node, Limit: sessiontable.DefaultLimit}.WithDefaults()
		_ = v.find(r.Context())
	}
	switch {
	case format == formatHTML && wantsChoice(err):
		t.render(w, &v, nil)
	case format == formatHTML:
		t.render(w, &v, err)
	case err != nil && format == formatJSON:
		w.Header().Set("Content-Type", "application/json")
		status := explain(w, err)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // an error means that the client is gone
	case err != nil:
		say(w, explain(w, err), err.Error())
	case format == formatJSON:
		w.Header().Set("Content-Type", "application/json")
		_ = v.page.WriteJSON(w)
	default:
		w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "sessions-" + v.page.Instance + "-" + v.page.Node + ".csv"}))
		_ = v.page.WriteCSV(w)
	}
}

// badRequest is an error in the request itself.
type badRequest struct{ error }

// Unwrap returns the cause.
func (e badRequest) Unwrap() error { return e.error }

// errNoInstance is returned if the one parameter without a default is missing.
var errNoInstance = errors.New("set an instance: /sessions?instance=<instance id>&node=<node id>. /sd lists the instances")

// parse reads the parameters of a request.
func parse(v url.Values) (q sessiontable.Query, format string, err error) {
	q, err = sessiontable.ParseQuery(v)
	switch format = v.Get("format"); format {
	case formatJSON, formatCSV, formatHTML:
	case "":
		format = formatHTML
	default:
		format, err = formatHTML, errors.Join(err, errors.New("format must be html, json or csv"))
	}
	if q.Limit > dcsapi.MaxLimit {
		err = errors.Join(err, fmt.Errorf("limit must be at most %d here: the command dcs_session_exporter sessions can show more", dcsapi.MaxLimit))
	}
	if err != nil {
		err = badRequest{err}
	}
	return q, format, err
}

// view is what a request asks for, as far as it was found.
type view struct {
	collector *collector.Collector
	query     sessiontable.Query
	target    *fleet.Target // nil if it was not found
	nodes     []dcsapi.Node
	node      dcsapi.Node        // zero if it was not found
	page      *sessiontable.Page // nil if it was not read
}

// find finds the instance and the node.
func (v *view) find(ctx context.Context) (err error) {
	if v.query.Instance == "" {
		return badRequest{errNoInstance}
	}
	if v.target, err = sessiontable.FindTarget(ctx, v.collector.Fleet(), v.query.Instance); err != nil {
		return err
	}
	v.query.Instance = v.target.ID
	if v.query.Node == sessiontable.AllNodes {
		v.nodes, err = v.target.SessionNodes(ctx)
		return err
	}
	if v.node, v.nodes, err = sessiontable.ChooseNode(ctx, v.target, v.query.Node); err != nil {
		return err
	}
	v.query.Node = v.node.ID
	return nil
}

// read finds the instance and the node, and reads the page.
func (v *view) read(ctx context.Context) (err error) {
	v.query, err = v.query.WithGroups(sessiontable.Grouping{Groups: v.collector.Groups(), Address: v.collector.Address()})
	if err != nil {
		return badRequest{err}
	}
	if err = v.find(ctx); err != nil {
		return err
	}
	lists := v.collector.Reader(v.target)
	if v.query.Node == sessiontable.AllNodes {
		v.page, err = sessiontable.ReadAll(ctx, lists, v.target, v.nodes, v.query)
	} else {
		v.page, err = sessiontable.Read(ctx, lists, v.target, v.node, v.query)
	}
	return err
}

// explain returns the HTTP status for an error, and sets Retry-After if the
// client should try again.
func explain(w http.ResponseWriter, err error) int {
	retry := func(after time.Duration) {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(after.Seconds()+0.999))))
	}
	if early, ok := errors.AsType[reader.ScanTooSoonError](err); ok {
		retry(early.DueIn)
		return http.StatusTooManyRequests
	}
	if _, ok := errors.AsType[reader.ScanOffError](err); ok {
		return http.StatusForbidden
	}
	if _, ok := errors.AsType[badRequest](err); ok {
		return http.StatusBadRequest
	}
	if node, ok := errors.AsType[sessiontable.NodeError](err); ok {
		return missing(node.Asked == "")
	}
	if instance, ok := errors.AsType[sessiontable.InstanceError](err); ok {
		return missing(instance.Several)
	}
	if errors.Is(err, fleet.ErrNotDiscovered) {
		retry(10 * time.Second)
		return http.StatusServiceUnavailable
	}
	switch dcsapi.ReasonOf(err) {
	case dcsapi.ReasonNotFound:
		return http.StatusNotFound
	case dcsapi.ReasonThrottled:
		retry(time.Minute)
		return http.StatusServiceUnavailable
	case dcsapi.ReasonBusy:
		retry(5 * time.Second)
		return http.StatusServiceUnavailable
	case dcsapi.ReasonTimeout:
		return http.StatusGatewayTimeout
	default:
		return http.StatusBadGateway
	}
}

// missing returns the status if the request lacks a choice, or names something
// that does not exist.
func missing(choice bool) int {
	if choice {
		return http.StatusBadRequest
	}
	return http.StatusNotFound
}

// link returns the URL of a query, relative to the page.
func link(q sessiontable.Query) string { return "sessions?" + q.Values().Encode() }
