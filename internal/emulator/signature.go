package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm  = "SDK-HMAC-SHA256"
	dateFormat = "20060102T150405Z"
	maxSkew    = 15 * time.Minute
)

// authorization is a parsed Authorization header.
type authorization struct {
	access    string
	headers   []string // signed headers, in lower case
	signature string
}

// parseAuthorization parses `ALGORITHM Access=…, SignedHeaders=a;b,
// Signature=…`.
func parseAuthorization(header string) (a authorization, ok bool) {
	rest, found := strings.CutPrefix(header, algorithm+" ")
	if !found {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, found := strings.Cut(strings.TrimSpace(part), "=")
		if !found || value == "" {
			return a, false
		}
		switch name {
		case "Access":
			a.access = value
		case "SignedHeaders":
			a.headers = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		default:
			return a, false
		}
	}
	return a, a.access != "" && a.signature != "" && len(a.headers) > 0
}

// verify returns what is wrong with a signed request, "" if it is valid.
func verify(r *http.Request, body []byte, a authorization, k Key, now time.Time) string {
	if !slices.Contains(a.headers, "x-sdk-date") {
		return "X-Sdk-Date is not signed"
	}
	date, err := time.Parse(dateFormat, r.Header.Get("X-Sdk-Date"))
	if err != nil {
		return "X-Sdk-Date is missing or malformed"
	}
	if now.Sub(date).Abs() > maxSkew {
		return "the request has expired"
	}
	if k.SecurityToken != "" && (r.Header.Get("X-Security-Token") != k.SecurityToken || !slices.Contains(a.headers, "x-security-token")) {
		return "the security token is missing, wrong or not signed"
	}
	hash, why := contentHash(r, body, a)
	if why != "" {
		return why
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "the query is malformed"
	}
	canonical := strings.Join([]string{
		r.Method, canonicalPath(r.URL.EscapedPath()), canonicalQuery(query), canonicalHeaders(r, a.headers), strings.Join(a.headers, ";"), hash,
	}, "\n")
	digest := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(k.SecretKey))
	mac.Write([]byte(algorithm + "\n" + date.Format(dateFormat) + "\n" + hex.EncodeToString(digest[:])))
	if !hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(a.signature)) {
		return "verify signature failed"
	}
	return ""
}

// canonicalPath returns the canonical form of a path as it was sent. An escaped
// slash is not a separator.
func canonicalPath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if plain, err := url.PathUnescape(p); err == nil {
			p = plain
		}
		parts[i] = escape(p)
	}
	path = strings.Join(parts, "/")
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path
}

// canonicalQuery lists the parameters sorted by name and value.
func canonicalQuery(query url.Values) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, v := range slices.Sorted(slices.Values(query[name])) {
			pairs = append(pairs, escape(name)+"="+escape(v))
		}
	}
	return strings.Join(pairs, "&")
}

// contentHash returns the signed hash of the body, or why it is invalid. The
// vendor's signers do not sign bodies other than JSON, and sign a marker instead.
func contentHash(r *http.Request, body []byte, a authorization) (hash, why string) {
	const unsigned = "UNSIGNED-PAYLOAD"
	digest := sha256.Sum256(body)
	hash = hex.EncodeToString(digest[:])
	switch claimed, content := r.Header.Get("X-Sdk-Content-Sha256"), r.Header.Get("Content-Type"); {
	case claimed == "" || claimed == hash:
		return hash, ""
	case claimed == unsigned && slices.Contains(a.headers, "x-sdk-content-sha256") && content != "" &&
		!strings.Contains(content, "application/json") && !strings.Contains(content, "application/bson"):
		return unsigned, ""
	default:
		return "", "X-Sdk-Content-Sha256 is not that of the body"
	}
}

// canonicalHeaders lists the signed headers with their values, one per line.
func canonicalHeaders(r *http.Request, names []string) string {
	var b strings.Builder
	for _, name := range names {
		values := slices.Clone(r.Header.Values(name))
		if name == "host" {
			values = []string{r.Host}
		}
		slices.Sort(values)
		for _, v := range values {
			b.WriteString(name + ":" + strings.TrimSpace(v) + "\n")
		}
	}
	return b.String()
}

// escape percent-encodes all bytes except letters, digits and - _ . ~.
func escape(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString(string([]byte{'%', hexDigits[c>>4], hexDigits[c&15]}))
		}
	}
	return b.String()
}
