//go:build !unix

package main

// connectionLimit returns the maximum number of client connections, on systems
// that do not limit the file descriptors of a process.
func connectionLimit() int { return mostConnections }
