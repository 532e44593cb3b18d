package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"dcs_session_exporter/collector/exposition"

	"github.com/prometheus/common/expfmt"
)

// encode writes metric families into an answer as a request asks for them, one
// after the other. promhttp does the same with all of them in memory. What goes
// wrong costs the family that it is about, and is passed to failed.
func encode(out *answer, r *http.Request, format expfmt.Format, families exposition.Families, failed func(error)) {
	header := out.Header()
	header.Set("Vary", "Accept, Accept-Encoding")
	header.Set("Content-Type", string(format))
	var w io.Writer = out
	if acceptsGzip(r.Header) {
		header.Set("Content-Encoding", "gzip")
		packed := packers.Get().(*gzip.Writer)
		packed.Reset(out)
		defer packers.Put(packed)
		defer packed.Close()
		w = packed
	}
	names := r.URL.Query()["name[]"]
	encoder := expfmt.NewEncoder(w, format)
	for f, err := range families {
		if err == nil && (len(names) == 0 || slices.Contains(names, f.GetName())) {
			err = encoder.Encode(f)
		}
		if err != nil {
			failed(err)
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok { // OpenMetrics ends with a line
		_ = closer.Close() // writing to memory does not fail
	}
}

var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// acceptsGzip reports whether a request prefers answers packed with gzip.
func acceptsGzip(h http.Header) bool {
	packed, plain := -1.0, -1.0
	for part := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			q, _ = strconv.ParseFloat(value, 64)
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip":
			packed = q
		case "*":
			packed = max(packed, q)
		case "identity":
			plain = q
		}
	}
	return packed > 0 && packed > plain
}
