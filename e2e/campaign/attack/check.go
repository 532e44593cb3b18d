package attack

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"dcs_session_exporter/internal/emulator"
)

// scraped is the answer to a scrape.
type scraped struct {
	status int
	body   string
	took   time.Duration
	most   time.Duration
	err    error
}

// client keeps no connections, so that it says who is let in.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// crowd is the host from which a crowd of clients comes.
var crowd = net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}

// crowded sends one request of a crowd.
var crowded = &http.Client{Transport: &http.Transport{DialContext: crowd.DialContext, DisableKeepAlives: true}}

// scrape scrapes with a timeout as Prometheus does.
func (l *lab) scrape(most time.Duration) scraped {
	s := scraped{most: most}
	req, err := http.NewRequestWithContext(l.ctx, http.MethodGet, "http://"+l.exporter.Address+"/metrics", nil)
	if err != nil {
		s.err = err
		return s
	}
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", strconv.FormatFloat(most.Seconds(), 'f', -1, 64))
	start := time.Now()
	resp, err := client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		var body []byte
		body, err = io.ReadAll(resp.Body)
		s.status, s.body = resp.StatusCode, string(body)
		l.heard(body)
	}
	s.err, s.took = err, time.Since(start)
	return s
}

// up reports whether an instance was read.
func (s scraped) up(instance string) bool {
	return strings.Contains(s.body, `dcs_up{instance_id="`+instance+`"} 1`+"\n")
}

// reasons returns why nodes of an instance failed, sorted.
func (s scraped) reasons(instance string) []string {
	var reasons []string
	for line := range strings.Lines(s.body) {
		labels, found := strings.CutPrefix(line, "dcs_node_error{instance_id=\""+instance)
		if _, reason, has := strings.Cut(labels, `reason="`); found && has {
			reason, _, _ = strings.Cut(reason, `"`)
			reasons = append(reasons, reason)
		}
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// checkScrape checks what must be true of each scrape.
func (l *lab) checkScrape(s scraped) {
	switch {
	case s.err != nil:
		l.wrongf("a scrape failed: %v", s.err)
		return
	case s.status != http.StatusOK:
		l.wrongf("a scrape was answered by %d", s.status)
		return
	case s.took > s.most:
		l.wrongf("a scrape took %.1f s of %v", s.took.Seconds(), s.most)
	}
	if !s.up(bystander) {
		l.wrongf("the other project's instance was not read: %q", s.reasons(bystander))
	}
}

// checkTarget checks what the last scrape of the attack says of the project
// that was attacked.
func (l *lab) checkTarget(s scraped) {
	reasons := s.reasons(target)
	if len(reasons) == 0 && !s.up(target) {
		reasons = s.reasons("") // no instance is known
	}
	up := s.up(target)
	switch {
	case up:
		l.notef("%s", strings.Join(append([]string{"read"}, reasons...), ", "))
	default:
		l.notef("%s", cmp.Or(strings.Join(reasons, ", "), "not listed"))
	}
	for _, r := range reasons {
		if !up && !slices.Contains(l.attack.reasons, r) {
			l.wrongf("the target failed by %s", r)
		}
	}
	if !up && len(reasons) == 0 && !l.attack.absent {
		l.wrongf("the target was not read, without a reason")
	}
	if !l.attack.project && !s.up(neighbour) {
		l.wrongf("the neighbour was not read: %q", s.reasons(neighbour))
	}
	l.notef("scrape %.1f s", s.took.Seconds())
}

// checkRequests checks what the API was asked.
func (l *lab) checkRequests() {
	requests := l.api.Requests()
	elapsed := time.Since(l.began)
	perProject, scans := make(map[string]int), make(map[string]int)
	refused, unknown := 0, 0
	for _, r := range requests {
		perProject[r.ProjectID]++
		switch r.Operation {
		case "":
			unknown++
		case "scan_clients":
			scans[r.NodeID]++
		}
		if r.Status == http.StatusUnauthorized {
			refused++
		}
	}
	most := int(elapsed.Seconds()*pace) + pace
	l.notef("%d requests in %.0f s, %d refused", len(requests), elapsed.Seconds(), refused)
	for project, n := range perProject {
		if n > most && l.attack.nodes <= 20 {
			l.wrongf("%d requests of project %s in %.0f s, want %d at most", n, project, elapsed.Seconds(), most)
		}
	}
	if refused > mostRefusals {
		l.wrongf("the key was refused %d times", refused)
	}
	if unknown > 0 {
		l.wrongf("%d requests to paths that the API does not have", unknown)
	}
	l.checkScans(scans, elapsed)
}

// checkScans checks that no node was scanned too often.
func (l *lab) checkScans(scans map[string]int, elapsed time.Duration) {
	most := 1 + int(elapsed/scanInterval)
	for node, n := range scans {
		if n > most {
			l.wrongf("%d scans of node %s in %.0f s, want %d at most", n, node, elapsed.Seconds(), most)
		}
	}
}

// parts returns all parts of a length that texts have, with what they are of.
func parts(length int, texts map[string]string) map[string]string {
	all := make(map[string]string)
	for text, what := range texts {
		for i := range max(0, len(text)-length+1) {
			all[text[i:i+length]] = what
		}
	}
	return all
}

// checkTexts checks that no secret is in what the exporter said.
func (l *lab) checkTexts() {
	l.mu.Lock()
	keys, signatures := make(map[string]string), make(map[string]string)
	for _, k := range []emulator.Key{l.key, l.next, l.other} {
		keys[k.AccessKey], keys[k.SecretKey], keys[k.SecurityToken] = "an access key", "a secret key", "a token"
	}
	for _, s := range l.signatures {
		signatures[s] = "a signature"
	}
	texts := l.texts
	l.mu.Unlock()
	ofKeys, ofSignatures := parts(partOfKey, keys), parts(partOfSignature, signatures)
	for _, text := range texts {
		l.checkText(text, partOfKey, ofKeys)
		l.checkText(text, partOfSignature, ofSignatures)
	}
}

// checkText checks that a text has none of the parts of a length.
func (l *lab) checkText(text []byte, length int, parts map[string]string) {
	for i := range max(0, len(text)-length+1) {
		if what, found := parts[string(text[i:i+length])]; found {
			l.wrongf("a part of %s was shown: …%q…", what, text[max(0, i-60):i])
			return
		}
	}
}

// checkLog checks that a log can be read in a terminal.
func (l *lab) checkLog(log string) {
	longest := 0
	for line := range strings.Lines(log) {
		longest = max(longest, len(line))
	}
	if longest > mostLine {
		l.wrongf("the log has a line of %d bytes", longest)
	}
	l.checkPrintable("the log", log)
}

// checkPrintable checks that a text has no control characters.
func (l *lab) checkPrintable(what, text string) {
	odd := func(r rune) bool {
		return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
	}
	if i := strings.IndexFunc(text, odd); i >= 0 {
		l.wrongf("%s has control characters: %s", what, fmt.Sprintf("%.20q", text[i:]))
	}
}
