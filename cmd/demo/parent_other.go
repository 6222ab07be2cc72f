//go:build !linux

package main

import "syscall"

// becomeParent: the daemon runs on Linux alone and says so itself.
func becomeParent() error { return nil }

func daemonAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
