// The campaign holds the exporter against hostile servers and clients, one
// attack after the other, and prints a table: attack, expected, seen, verdict.
// Its exit code is 1 if an attack was not withstood.
//
//	go -C e2e run ./campaign [-run REGEXP] [-seed N] [-list]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"dcs_session_exporter/e2e/campaign/attack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "campaign:", err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("campaign", flag.ContinueOnError)
	flags.SetOutput(stderr)
	pattern := flags.String("run", "", "only attacks whose names match this regular expression")
	seed := flags.Uint64("seed", 1, "decides which requests are attacked, and how")
	list := flags.Bool("list", false, "only print names and what is expected")
	root := flags.String("root", "..", "the root of the repository")
	logs := flags.String("logs", "", "a folder for the logs of the exporter; default: logs are thrown away")
	if err := flags.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	if *list {
		for _, a := range attack.All() {
			fmt.Fprintf(stdout, "%s: %s\n", a.Name, a.Expected)
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "dcs_campaign")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := attack.Build(*root, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s, %d cores, %s, seed %d. %s\n\n| attack | expected | seen | verdict |\n|---|---|---|---|\n",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), *seed, attack.Bounds)
	ran, failed := 0, 0
	for _, a := range attack.All() {
		if !match.MatchString(a.Name) {
			continue
		}
		result, err := attack.Run(ctx, binary, a, *seed)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		ran++
		if len(result.Wrong) > 0 {
			failed++
		}
		fmt.Fprintln(stdout, result)
		if *logs != "" {
			if err := os.WriteFile(filepath.Join(*logs, a.Name+".log"), []byte(result.Log), 0o600); err != nil {
				return err
			}
		}
	}
	switch {
	case ran == 0:
		return errors.New("-run matches no attack: see -list")
	case failed > 0:
		return fmt.Errorf("%d of %d attacks were not withstood", failed, ran)
	}
	return nil
}
