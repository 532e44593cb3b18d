package attack

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"dcs_session_exporter/e2e/harness"
)

// startAgain starts an exporter six times, scrapes it once, and kills it.
func (l *lab) startAgain() {
	for range 6 {
		p, err := l.start()
		if err != nil {
			l.wrongf("%v", err)
			return
		}
		l.exporter = p
		s := l.scrape(l.attack.scrape)
		if s.err != nil || s.status != http.StatusOK {
			l.wrongf("a scrape after a start: %d, %v", s.status, s.err)
		}
		l.heard([]byte(p.Log()))
		if err := p.End(); err != nil {
			l.wrongf("%v", err)
		}
	}
}

func restartsRefused(l *lab) {
	l.startAgain()
	refused := 0
	for _, r := range l.api.Requests() {
		if r.Status == http.StatusUnauthorized {
			refused++
		}
	}
	l.notef("%d refusals in six starts", refused)
	if refused > 6 {
		l.wrongf("%d refusals in six starts", refused)
	}
}

func restarts(l *lab) {
	l.startAgain()
	scans, total := make(map[string]int), 0
	for _, r := range l.api.Requests() {
		if r.Operation == "scan_clients" {
			scans[r.NodeID]++
			total++
		}
	}
	l.notef("%d scans of %d nodes in six starts", total, len(scans))
	l.checkScans(scans, time.Since(l.began))
}

// command runs a command of the exporter to its end, and returns what it
// prints.
func (l *lab) command(args ...string) string {
	ctx, cancel := context.WithTimeout(l.ctx, 60*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, l.binary, args...).CombinedOutput() // how it ends is seen in what it prints
	l.heard(out)
	return string(out)
}

// secretAsFile pastes a secret where the name of its file belongs.
func secretAsFile(l *lab) {
	good, err := os.ReadFile(l.config)
	if err != nil {
		l.wrongf("%v", err)
		return
	}
	bad := []byte(strings.Replace(string(good), "attacked.secret", l.key.SecretKey, 1))
	p, err := l.start()
	if err != nil {
		l.wrongf("%v", err)
		return
	}
	l.exporter = p
	if err := os.WriteFile(l.config, bad, 0o600); err != nil {
		l.wrongf("%v", err)
	}
	status, _, err := l.ask(http.MethodPost, "/-/reload")
	if err != nil || status == http.StatusOK {
		l.wrongf("the reload was answered by %d, %v", status, err)
	}
	l.heard([]byte(p.Log()))
	if err := p.End(); err != nil {
		l.wrongf("%v", err)
	}
	again, err := l.start()
	if err == nil {
		l.wrongf("serve starts without a key")
	}
	l.heard([]byte(again.Log()))
	_ = again.End()
	if out := l.command("check", "--config.file="+l.config); !strings.Contains(out, "secret_key_file") {
		l.wrongf("check does not name the key: %.200q", out)
	}
	l.notef("reload %d", status)
}

// terminal prints hostile sessions.
func terminal(l *lab) {
	outputs := make(map[string]string) // by the command
	l.exporter = &harness.Process{}
	outputs["check --online"] = l.command("check", "--online", "--config.file="+l.config)
	for _, output := range []string{"table", "csv"} {
		node := fmt.Sprintf("%s-%04d", target[:8], 0)
		outputs["sessions -o "+output] = l.command("sessions", "--config.file="+l.config, "--instance="+target, "--node="+node, "--scan", "-o", output)
	}
	l.notef("%d outputs", len(outputs))
	for what, text := range outputs {
		l.checkPrintable(what, text)
		if !strings.Contains(text, "10.0.") && strings.HasPrefix(what, "sessions") {
			l.wrongf("%s shows no session: %.200q", what, text)
		}
	}
}
