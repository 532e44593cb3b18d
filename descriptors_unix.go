//go:build unix

package main

import "syscall"

// connectionLimit returns the maximum number of client connections: half of the
// process's file descriptors. The other half is for the API and for files.
func connectionLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return mostConnections
	}
	return int(max(8, min(limit.Cur/2, mostConnections)))
}
