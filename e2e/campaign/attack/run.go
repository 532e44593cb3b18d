package attack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"dcs_session_exporter/e2e/harness"
)

// Result is what an attack has led to.
type Result struct {
	Attack
	Seen  string   // in words
	Wrong []string // what should not be, nil if all held
	Log   string   // of the exporter
}

// Build builds the exporter into a folder; root is that of the repository.
func Build(root, dir string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	return harness.Build(root, dir)
}

// Run runs an attack on an exporter, the path of a program. An error is one of
// the machinery, not of the exporter.
func Run(ctx context.Context, binary string, a Attack, seed uint64) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if a.scrape == 0 {
		a.scrape = 3 * time.Second
	}
	l := &lab{ctx: ctx, binary: binary, attack: a, seed: seed}
	if err := l.open(); err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(l.dir)
	if !a.late {
		if err := l.begin(); err != nil {
			return Result{}, err
		}
	}
	l.began = time.Now()
	if a.instead != nil {
		a.instead(l)
		l.checkTexts()
		return Result{a, strings.Join(l.notes, ", "), l.wrong, ""}, nil
	}
	var err error
	if l.exporter, err = l.start(); err != nil {
		if l.exporter == nil {
			return Result{}, err
		}
		l.wrongf("%v", err)
	} else if err := l.besiege(); err != nil {
		return Result{}, err
	}
	log := l.exporter.Log()
	l.heard([]byte(log))
	l.checkTexts()
	l.checkLog(log)
	return Result{a, strings.Join(l.notes, ", "), l.wrong, log}, nil
}

// besiege scrapes the exporter while it is under attack, and after that.
func (l *lab) besiege() error {
	if l.attack.late {
		if !l.awaitAll() {
			l.wrongf("before the attack, not all instances are read")
		}
	}
	var wg sync.WaitGroup
	if l.attack.clients != nil {
		wg.Go(func() { l.attack.clients(l) })
	}
	if l.attack.late {
		wg.Go(func() { l.round() })
		time.Sleep(20 * time.Millisecond)
		if err := l.begin(); err != nil {
			return err
		}
	}
	var last scraped
	for range rounds {
		last = l.round()
		time.Sleep(l.attack.pause)
	}
	wg.Wait()
	if l.attack.clients != nil {
		last = l.scrape(l.attack.scrape)
		l.checkScrape(last)
	}
	l.checkTarget(last)
	peak, err := l.exporter.Peak()
	if err != nil {
		l.wrongf("the process has ended: %v", err)
		return nil
	}
	l.notef("peak %d MiB", peak>>20)
	if peak > mostMemory {
		l.wrongf("memory had a peak of %d MiB", peak>>20)
	}
	l.checkRequests()
	return l.heal()
}

// round scrapes four times at once, checks the answers and returns one.
func (l *lab) round() scraped {
	answers := make([]scraped, 4)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = l.scrape(l.attack.scrape) })
	}
	wg.Wait()
	for _, s := range answers {
		l.checkScrape(s)
	}
	return answers[0]
}

// heal ends the attack, and checks that all instances are read again and that
// the exporter ends as it should.
func (l *lab) heal() error {
	if err := l.api.SetChaos(0, ""); err != nil {
		return err
	}
	if l.attack.newKey {
		l.api.SetKey(l.next)
		if err := l.writeKey("attacked", l.next); err != nil {
			return err
		}
	}
	ended := time.Now()
	if l.awaitAll() {
		l.notef("healed in %.1f s", time.Since(ended).Seconds())
	} else {
		l.wrongf("%v after the attack, not all instances are read", mostHealing)
	}
	if err := l.exporter.End(); err != nil {
		l.wrongf("%v", err)
	}
	return nil
}

// awaitAll waits until all instances are read.
func (l *lab) awaitAll() bool {
	for end := time.Now().Add(mostHealing); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if s := l.scrape(max(l.attack.scrape, 5*time.Second)); s.up(target) && s.up(neighbour) && s.up(bystander) {
			return true
		}
	}
	return false
}

// String is a line of the table.
func (r Result) String() string {
	verdict := "held"
	if len(r.Wrong) > 0 {
		verdict = "**not held**: " + strings.Join(r.Wrong, "; ")
	}
	cell := strings.NewReplacer("|", "\\|", "\n", " ")
	return fmt.Sprintf("| %s | %s | %s | %s |", r.Name, cell.Replace(r.Expected), cell.Replace(r.Seen), cell.Replace(verdict))
}
