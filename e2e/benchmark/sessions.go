package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"dcs_session_exporter/internal/emulator"
)

// sessionsOf returns the n sessions of a node: some thirty applications, each
// on up to forty hosts, with pools of different sizes, the odd slow reader and
// subscriber among them. The same node has the same sessions each time.
func sessionsOf(node, n int) []emulator.Session {
	const users = 12
	commands := []string{"get", "set", "hgetall", "mget", "expire", "zrange", "eval", "ping", "del", "incr", "lpush", "hset"}
	rng := rand.New(rand.NewPCG(uint64(node), 1))
	out := make([]emulator.Session, n)
	for i := range out {
		app := int(30 * math.Pow(rng.Float64(), 2)) // the first have the most
		age := int64(math.Exp(rng.Float64() * 13))  // 1 s … 5 days
		s := emulator.Session{
			ID:   strconv.Itoa(1_000_000 + 3*i),
			Addr: fmt.Sprintf("10.%d.%d.%d:%d", 20+node, app, 10+rng.IntN(40), 32768+i%28000),
			Name: fmt.Sprintf("service-%d", app), Cmd: commands[rng.IntN(len(commands))],
			Age: age, Idle: rng.Int64N(age + 1), Flags: "N", FD: strconv.Itoa(8 + i), DB: strconv.Itoa(app % 4),
			Multi: -1, QBufFree: 20474, Events: "r", Network: "vpc", User: fmt.Sprintf("user-%d", app%users),
		}
		switch p := rng.Float64(); {
		case p < .02:
			s.Flags, s.Multi = "x", 1+rng.Int64N(5)
		case p < .05:
			s.Flags, s.Cmd, s.Sub = "P", "subscribe", 1+rng.Int64N(3)
		case p < .15:
			s.QBuf = 26 + rng.Int64N(2000)
			s.QBufFree -= s.QBuf
		case p < .16:
			s.OLL, s.OMem, s.Events = 1+rng.Int64N(50), 20504*(1+rng.Int64N(50)), "rw"
		}
		s.Peer = s.Addr
		out[i] = s
	}
	return out
}
