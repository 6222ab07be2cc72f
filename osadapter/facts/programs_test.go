package facts

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/config"
)

func TestProgramsAreLookedAt(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	elf := func(machine uint16) string {
		header := make([]byte, 64+56)
		copy(header, "\x7fELF\x02\x01\x01")
		binary.LittleEndian.PutUint16(header[18:], machine)
		binary.LittleEndian.PutUint64(header[32:], 64) // the program headers
		binary.LittleEndian.PutUint16(header[54:], 56)
		binary.LittleEndian.PutUint16(header[56:], 1)
		binary.LittleEndian.PutUint32(header[64:], 3)                     // that of the loader
		binary.LittleEndian.PutUint64(header[64+8:], uint64(len(header))) // where its name is
		binary.LittleEndian.PutUint64(header[64+32:], 10)
		return string(header) + "/lib/ld.so\x00"
	}
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"empty": {"", 0o755}, "text": {"hello\n", 0o644}, "owner": {"#! /bin/sh  -e \t\nx", 0o500}, "crlf": {"#!/bin/sh\r\n", 0o755},
		"env": {"#!/usr/bin/env\tpython3 -u\r\nx", 0o755}, "relative": {"#!sh\n", 0o755}, "short": {"#!", 0o755}, "noise": {"\x01\x02\x00", 0o755},
		"native": {elf(native[runtime.GOARCH][0]), 0o755}, "foreign": {elf(40 * 40), 0o755}, "cut": {"\x7fELF\x02\x01", 0o755},
	} {
		if err := os.WriteFile(at(name), []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(at("folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": "owner", "dangling": "nowhere", "loop": "loop"} {
		if err := os.Symlink(target, at(name)); err != nil {
			t.Fatal(err)
		}
	}
	file := func(mode uint32, format config.Format) config.Program {
		return config.Program{
			Exists: true, Regular: true, Executable: mode&0o111 != 0, Mode: mode, UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Format: format,
		}
	}
	with := func(p config.Program, change func(*config.Program)) config.Program {
		change(&p)
		return p
	}
	owner := with(file(0o500, config.Script), func(p *config.Program) { p.Interpreter, p.Argument = "/bin/sh", "-e" })
	want := map[string]config.Program{
		at("empty"): file(0o755, config.EmptyFile),
		at("text"):  file(0o644, config.PlainText),
		at("owner"): owner,
		at("crlf"):  with(file(0o755, config.Script), func(p *config.Program) { p.Interpreter, p.CR = "/bin/sh", true }),
		at("env"): with(file(0o755, config.Script), func(p *config.Program) {
			p.Interpreter, p.Argument, p.CR = "/usr/bin/env", "python3 -u", true
		}),
		at("relative"):                 file(0o755, config.Script),
		at("short"):                    file(0o755, config.Script),
		at("noise"):                    file(0o755, config.OtherData),
		at("native"):                   with(file(0o755, config.ELF), func(p *config.Program) { p.Interpreter = "/lib/ld.so" }),
		at("foreign"):                  with(file(0o755, config.ELF), func(p *config.Program) { p.Interpreter, p.Machine = "/lib/ld.so", "another machine" }),
		at("cut"):                      file(0o755, config.OtherData),
		at("folder"):                   with(file(0o755, config.UnknownFormat), func(p *config.Program) { p.Regular, p.Directory = false, true }),
		at("link"):                     with(owner, func(p *config.Program) { p.Target = at("owner") }),
		at("dangling"):                 {},
		at("nowhere"):                  {},
		at("owner/x"):                  {},
		at("loop"):                     {Unknown: true},
		"/" + strings.Repeat("x", 300): {Unknown: true}, // a name that is too long
	}
	if p := new(Loader).Programs([]string{"/dev/null"})["/dev/null"]; !p.Exists || p.Regular || p.Directory || p.Format != config.UnknownFormat {
		t.Errorf("/dev/null: %+v", p)
	}
	if handlers() {
		t.Skip("this kernel runs files of other formats too")
	}
	var paths []string
	for path := range want {
		paths = append(paths, path, path)
	}
	got := new(Loader).Programs(paths)
	for path, w := range want {
		g := got[path]
		if g.Listed = false; g != w {
			t.Errorf("%s: %+v, want %+v", path, g, w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d answers to %d questions", len(got), len(want))
	}
}

// What may not be inspected is unknown, not missing: a check without privileges
// must not warn about it.
func TestWhatMayNotBeLookedAtIsUnknown(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may look at everything")
	}
	dir := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(dir, 0); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "program")
	if got := new(Loader).Programs([]string{path})[path]; !got.Unknown {
		t.Errorf("%+v", got)
	}
}

func TestProgramsAreBounded(t *testing.T) {
	paths := make([]string, maxPrograms+1)
	for i := range paths {
		paths[i] = fmt.Sprintf("/nowhere/%d", i)
	}
	last := "/nowhere/last"
	paths[maxPrograms] = last
	if got := new(Loader).Programs(paths); !got[last].Unknown {
		t.Error("a path beyond the bound was looked at")
	}
}

func TestAccountsOfATreeAreItsOwn(t *testing.T) {
	l := &Loader{Root: tree(t, map[string]string{"etc/passwd": "one:x:7001:7002::/:\n"}), Runner: forbidden{t}}
	users, groups := l.Accounts([]string{"one", "two"}, []string{"three"})
	if len(users) != 2 || users["one"] != (config.User{Found: true, UID: 7001, GID: 7002}) || users["two"].Found {
		t.Errorf("users %+v", users)
	}
	if len(groups) != 0 || len(l.Assumed().Groups) != 0 {
		t.Errorf("groups %+v without a table of groups, assumed %+v", groups, l.Assumed())
	}
}
