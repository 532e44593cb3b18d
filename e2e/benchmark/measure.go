package main

import (
	"fmt"
	"slices"
	"time"
)

// subject is something that is measured: a process, and how it is made to do
// its work once.
type subject struct {
	name string
	pid  int
	once func() (amount, error)
}

// reading is what a subject took in one round.
type reading struct{ wall, cpu time.Duration }

// result is what a subject took in all rounds.
type result struct {
	subject
	amount amount // of the last round
	rounds []reading
	rss    int64 // peak, in bytes
}

// measure has all subjects do their work, one after the other, as often as
// asked for and twice before that counts. before is called ahead of each.
func measure(subjects []subject, rounds int, before func() error) ([]result, error) {
	const warmUp = 2
	results := make([]result, len(subjects))
	for i, s := range subjects {
		results[i].subject = s
	}
	for round := range warmUp + rounds {
		for i := range results {
			r := &results[i]
			if err := before(); err != nil {
				return nil, err
			}
			cpuBefore, err := cpu(r.pid)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			start := time.Now()
			if r.amount, err = r.once(); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			wall := time.Since(start)
			cpuAfter, err := cpu(r.pid)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			if round >= warmUp {
				r.rounds = append(r.rounds, reading{wall, cpuAfter - cpuBefore})
			}
		}
	}
	for i := range results {
		var err error
		if results[i].rss, err = peakRSS(results[i].pid); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// spread is the median of values and its quartiles.
type spread struct{ low, median, high float64 }

func spreadOf(values []float64) spread {
	values = slices.Sorted(slices.Values(values))
	at := func(part float64) float64 { return values[int(part*float64(len(values)-1)+.5)] }
	return spread{at(.25), at(.5), at(.75)}
}

// of returns the spread of a value of each round.
func (r *result) of(value func(reading) float64) spread {
	var values []float64
	for _, reading := range r.rounds {
		values = append(values, value(reading))
	}
	return spreadOf(values)
}

// against returns the spread of the ratios to another result, round by round.
func (r *result) against(other *result, value func(reading) float64) spread {
	var ratios []float64
	for i := range r.rounds {
		ratios = append(ratios, value(r.rounds[i])/value(other.rounds[i]))
	}
	return spreadOf(ratios)
}

func wallOf(r reading) float64 { return r.wall.Seconds() * 1000 }
func cpuOf(r reading) float64  { return r.cpu.Seconds() * 1000 }
