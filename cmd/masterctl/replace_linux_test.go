package main

import (
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// grant is one entry of an access control list (linux/posix_acl_xattr.h).
type grant struct {
	tag, rights uint16
	id          uint32
}

// Tags of grants, and the ID of an entry that names no account.
const (
	tagOwner, tagUser, tagGroup, tagMask, tagOther = 1, 2, 4, 16, 32
	nobodyNamed                                    = ^uint32(0)
)

// admit returns the list that admits one user besides the owner.
func admit(uid uint32) []grant {
	return []grant{{tagOwner, 6, nobodyNamed}, {tagUser, 6, uid}, {tagGroup, 0, nobodyNamed}, {tagMask, 6, nobodyNamed}, {tagOther, 0, nobodyNamed}}
}

// setAttribute skips the test if the file system does not support such attributes.
func setAttribute(t *testing.T, path, name string, value []byte) {
	t.Helper()
	switch err := unix.Setxattr(path, name, value, 0); err {
	case nil:
	case unix.ENOTSUP, unix.EPERM:
		t.Skipf("needs a file system where %s can be set: %v", name, err)
	default:
		t.Fatalf("set %s: %v", name, err)
	}
}

// setList sets an access control list in the kernel's format.
func setList(t *testing.T, path, name string, grants []grant) {
	t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, 2) // the version
	for _, g := range grants {
		b = binary.LittleEndian.AppendUint16(b, g.tag)
		b = binary.LittleEndian.AppendUint16(b, g.rights)
		b = binary.LittleEndian.AppendUint32(b, g.id)
	}
	setAttribute(t, path, name, b)
}

// attributesAt returns the attributes of a file as "name=value", sorted.
func attributesAt(t *testing.T, path string) (all []string) {
	t.Helper()
	b := make([]byte, maxAttribute)
	n, err := unix.Listxattr(path, b)
	if err != nil && err != unix.ENOTSUP {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(string(b[:max(n, 0)]), "\x00") {
		if name == "" {
			continue
		}
		value := make([]byte, maxAttribute)
		n, err := unix.Getxattr(path, name, value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name+"="+string(value[:n]))
	}
	slices.Sort(all)
	return all
}

func TestFmtKeepsWhoMayReadAndWrite(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, path string){
		"access control list": func(t *testing.T, path string) {
			setList(t, path, accessList, admit(12345))
		},
		"access control list of a file that its owner may not write": func(t *testing.T, path string) {
			setAttribute(t, path, "user.a", []byte("b"))
			grants := admit(12345)
			grants[0].rights = 4
			setList(t, path, accessList, grants)
		},
		"attributes of users": func(t *testing.T, path string) {
			setAttribute(t, path, "user.note", []byte("two\x00lines\n"))
			setAttribute(t, path, "user.empty", nil)
		},
		"attribute of the system": func(t *testing.T, path string) {
			setAttribute(t, path, "trusted.note", []byte("x"))
		},
		"list that the directory hands down": func(t *testing.T, path string) {
			if err := os.Chmod(path, 0o660); err != nil {
				t.Fatal(err)
			}
			setList(t, path[:strings.LastIndexByte(path, '/')], "system.posix_acl_default", admit(12345))
		},
		"both lists": func(t *testing.T, path string) {
			setList(t, path, accessList, admit(12345))
			setList(t, path[:strings.LastIndexByte(path, '/')], "system.posix_acl_default", admit(23456))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "", disorder)
			path := s.path("master.cf")
			prepare(t, path)
			before, was := attributesAt(t, path), mode(t, path)
			s.run("fmt", "-w").expect(t, exitClean, "", "")
			if s.read("master.cf") != order {
				t.Errorf("the file became %q", s.read("master.cf"))
			}
			if got := attributesAt(t, path); !slices.Equal(got, before) {
				t.Errorf("attributes %q became %q", before, got)
			}
			if got := mode(t, path); got != was {
				t.Errorf("mode %o became %o", was, got)
			}
			if got := names(t, s.dir); len(got) != 2 {
				t.Errorf("left behind: %q", got)
			}
		})
	}
}

func TestFmtLeavesAFileAloneWhoseAttributesItCannotKeep(t *testing.T) {
	needRoot(t)
	s := newSite(t, "", disorder)
	s.ordinary()
	path := s.path("master.cf")
	setAttribute(t, path, "security.label", []byte("x")) // only root may set this
	for _, name := range []string{path, s.dir} {
		if err := os.Chown(name, int(s.uid), int(s.gid)); err != nil {
			t.Fatal(err)
		}
	}
	before, found := attributesAt(t, path), names(t, s.dir)
	r := s.run("fmt", "-w", path)
	r.expect(t, exitError, "", `write `+path+`: the new file cannot have the same attribute "security.label": operation not permitted; `+
		"run masterctl as root, or write it with: masterctl fmt FILE >NEW && cat NEW >FILE")
	if s.read("master.cf") != disorder || !slices.Equal(attributesAt(t, path), before) || !slices.Equal(names(t, s.dir), found) {
		t.Errorf("something changed: %q, %q, %q", s.read("master.cf"), attributesAt(t, path), names(t, s.dir))
	}
	s.uid, s.gid = 0, 0
	s.run("fmt", "-w", path).expect(t, exitClean, "", "")
	if got := attributesAt(t, path); s.read("master.cf") != order || !slices.Equal(got, before) {
		t.Errorf("%q, attributes %q became %q", s.read("master.cf"), before, got)
	}
}

func TestFmtVouchesForNothing(t *testing.T) {
	s := newSite(t, "", disorder)
	path := s.path("master.cf")
	setAttribute(t, path, "security.ima", []byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15"))
	s.run("fmt", "-w").expect(t, exitError, "", `attribute "security.ima": it vouches for the old text; `)
	if got := names(t, s.dir); s.read("master.cf") != disorder || len(got) != 2 {
		t.Errorf("%q, left behind: %q", s.read("master.cf"), got)
	}
}

func TestFmtOnAFileSystemWithoutAttributes(t *testing.T) {
	unsupported := func([]byte) (int, error) { return 0, unix.ENOTSUP }
	if all, err := readAttributes(unsupported, nil); err != nil || len(all) != 0 {
		t.Errorf("%q, %v", all, err)
	}
	broken := func([]byte) (int, error) { return 0, unix.EIO }
	if _, err := readAttributes(broken, nil); err == nil || !strings.Contains(err.Error(), "cannot be listed: input/output error; run ") {
		t.Error(err)
	}
	two := func(b []byte) (int, error) { return copy(b, accessList+"\x00user.gone\x00user.b\x00"), nil }
	all, err := readAttributes(two, func(name string, b []byte) (int, error) {
		if name == "user.gone" {
			return 0, unix.ENODATA
		}
		return copy(b, name), nil
	})
	if want := []attribute{{"user.b", "user.b"}, {accessList, accessList}}; err != nil || !slices.Equal(all, want) {
		t.Errorf("%q, %v", all, err)
	}
	_, err = readAttributes(two, func(string, []byte) (int, error) { return 0, unix.EACCES })
	if err == nil || !strings.Contains(err.Error(), `its attribute "`+accessList+`" cannot be read: permission denied; run `) {
		t.Error(err)
	}
}

// mode returns the type and mode of a file.
func mode(t *testing.T, path string) uint32 {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		t.Fatal(err)
	}
	return s.Mode
}
