package emulator_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// fakeRedis sends one connection prepared answers, whatever the commands. It
// returns its address and a function that returns the received commands.
func fakeRedis(t *testing.T, answers ...string) (string, func() []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		for _, answer := range answers {
			command, err := readCommand(r)
			if err != nil {
				return
			}
			commands = append(commands, command)
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	})
	ended := func() []string {
		_ = listener.Close()
		wg.Wait()
		return commands
	}
	t.Cleanup(func() { ended() })
	return listener.Addr().String(), ended
}

// readCommand reads a command: an array of bulk strings.
func readCommand(r *bufio.Reader) (string, error) {
	var parts []string
	line, err := r.ReadString('\n')
	n, _ := strconv.Atoi(strings.Trim(line, "*\r\n"))
	for range n {
		if _, err = r.ReadString('\n'); err != nil {
			break
		}
		part, err := r.ReadString('\n')
		if err != nil {
			break
		}
		parts = append(parts, strings.TrimSpace(part))
	}
	return strings.Join(parts, " "), err
}

func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }

func TestRedisSource(t *testing.T) {
	tests := []struct {
		name     string
		source   emulator.Redis
		answers  []string
		commands []string
	}{
		{"no password", emulator.Redis{}, nil, nil},
		{"password", emulator.Redis{Password: "pw"}, []string{"+OK\r\n"}, []string{"AUTH pw"}},
		{"user", emulator.Redis{Username: "alice", Password: "pw"}, []string{"+OK\r\n"}, []string{"AUTH alice pw"}},
		{"user without a password", emulator.Redis{Username: "alice"}, []string{"+OK\r\n"}, []string{"AUTH alice "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr, ended := fakeRedis(t, slices.Concat(tt.answers, []string{":16\r\n", bulk(clientList)})...)
			tt.source.Addr = addr
			got, raw, err := tt.source.Sessions(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			// 16 is the source's own connection: it is the last one.
			if want := clientSessions[:len(clientSessions)-1]; !slices.Equal(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if raw+"id=16" != clientList[:len(raw)+len("id=16")] {
				t.Errorf("the text is %q", raw)
			}
			if got, want := ended(), slices.Concat(tt.commands, []string{"CLIENT ID", "CLIENT LIST"}); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestRedisSourceFails(t *testing.T) {
	for name, answers := range map[string][]string{
		"refused":           {"-NOAUTH Authentication required.\r\n"},
		"gone":              {":1\r\n"},
		"cut":               {":1\r\n", "$100\r\nid=1"},
		"no length":         {":1\r\n", "$x\r\n"},
		"negative length":   {":1\r\n", "$-1\r\n"},
		"absurd length":     {":1\r\n", "$99999999999\r\n"},
		"another type":      {":1\r\n", "*1\r\n"},
		"empty":             {":1\r\n", "\r\n"},
		"no CLIENT LIST":    {":1\r\n", bulk("hello")},
		"nobody is at home": nil,
	} {
		addr, _ := fakeRedis(t, answers...)
		if got, _, err := (emulator.Redis{Addr: addr}).Sessions(t.Context(), time.Now()); err == nil {
			t.Errorf("%s: no error but %v", name, got)
		}
	}
	// A Redis that does not answer delays no longer than the context allows.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := (emulator.Redis{Addr: listener.Addr().String()}).Sessions(ctx, time.Now()); err == nil {
		t.Error("silence: no error")
	}
}
