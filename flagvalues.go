package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dcs_session_exporter/internal/nearest"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"
)

// value is the value of a flag. Unlike those of kingpin, it says in its errors
// which flag it belongs to.
type value[T any] struct {
	target *T
	flag   string
	parse  func(string) (T, error) // its errors begin with the text
}

// Set implements kingpin.Value.
func (v *value[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err != nil {
		return fmt.Errorf("invalid --%s %w", v.flag, err)
	}
	*v.target = parsed
	return nil
}

// String implements kingpin.Value.
func (v *value[T]) String() string { return fmt.Sprint(*v.target) }

// addChoice adds a flag that takes one of several words.
func addChoice(flag *kingpin.FlagClause, target *string, words ...string) {
	flag.HintOptions(words...).SetValue(&value[string]{target, flag.Model().Name, func(s string) (string, error) {
		if slices.Contains(words, s) {
			return s, nil
		}
		return "", fmt.Errorf("%q: must be one of %s%s", s, strings.Join(words, ", "), nearest.Hint(s, words))
	}})
}

// addWhole adds a flag that takes a whole number. kingpin's own accepts fractions
// and truncates them.
func addWhole(flag *kingpin.FlagClause, target *int, least, most int) {
	flag.SetValue(&value[int]{target, flag.Model().Name, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, fmt.Errorf("%q: not a whole number, or too large", s)
		}
		if n < least || n > most {
			return 0, fmt.Errorf("%d: must be between %d and %d", n, least, most)
		}
		return n, nil
	}})
}

// addTimeout adds a flag that takes the maximum duration of a command.
func addTimeout(flag *kingpin.FlagClause, target *time.Duration, least, most time.Duration) {
	flag.SetValue(&value[time.Duration]{target, flag.Model().Name, func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, fmt.Errorf("%q: not a duration such as 30s or 2m", s)
		}
		if d < least || d > most {
			return 0, fmt.Errorf("%s: must be between %s and %s", d, model.Duration(least), model.Duration(most))
		}
		return d, nil
	}})
}
