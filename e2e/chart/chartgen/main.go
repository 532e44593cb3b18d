// Chartgen writes what follows from the Helm chart.
//
//	go -C e2e run ./chart/chartgen generate
//	go -C e2e run ./chart/chartgen pack VERSION UNIX_SECONDS FOLDER
//
// The first writes the chart's copies of monitoring/, its README and the
// kustomize base; the second packs the chart. Both start at the root of the
// repository, which is the parent of the folder that it runs in.
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"dcs_session_exporter/e2e/chart"
)

const root = ".."

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chartgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "generate":
		return generate()
	case len(args) == 4 && args[0] == "pack":
		return pack(args[1], args[2], args[3])
	default:
		return errors.New("usage: chartgen generate | pack VERSION UNIX_SECONDS FOLDER")
	}
}

// generate writes the files. The kustomize base comes last: it has the copies
// in it.
func generate() error {
	for _, files := range []func(string) (map[string][]byte, error){chart.Files, chart.Kustomize} {
		want, err := files(root)
		if err != nil {
			return err
		}
		for path, text := range want {
			path = filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, text, 0o644); err != nil {
				return err
			}
		}
	}
	return prune()
}

// prune removes files whose source is gone.
func prune() error {
	want, err := chart.Files(root)
	if err != nil {
		return err
	}
	more, err := chart.Kustomize(root)
	if err != nil {
		return err
	}
	maps.Copy(want, more)
	outdated, err := chart.Outdated(root, want)
	if err != nil {
		return err
	}
	for _, path := range outdated {
		if err := os.Remove(filepath.Join(root, path)); err != nil {
			return err
		}
	}
	return nil
}

// pack lets the chart have a version and a time, and packs it into a folder.
func pack(version, seconds, dir string) error {
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("UNIX_SECONDS: %w", err)
	}
	c, err := chart.Load(root)
	if err != nil {
		return err
	}
	path, err := chart.Pack(c, dir, version, time.Unix(at, 0))
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}
