package facts

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks bounds the number of symbolic links in the resolution of a path, as in
// the kernel.
const maxLinks = 40

// InRoot returns the path of a file in a tree that is another host's root
// directory: path is absolute, and symbolic links are followed as they would be
// there, absolute ones from the root and ".." never above it. A name that does not
// exist is kept. An empty root is this host's own. The tree must not change
// meanwhile.
func InRoot(root, path string) (string, error) {
	if root == "" {
		return path, nil
	}
	rest, found, links := path, "/", 0
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		switch part {
		case "", ".":
			continue
		case "..":
			found = filepath.Dir(found)
			continue
		}
		next := filepath.Join(found, part)
		target, err := os.Readlink(filepath.Join(root, next))
		if err != nil { // not a link, or missing
			found = next
			continue
		}
		if links++; links > maxLinks {
			return "", &os.PathError{Op: "open", Path: path, Err: unix.ELOOP}
		}
		if rest = target + "/" + rest; strings.HasPrefix(target, "/") {
			found = "/"
		}
	}
	return filepath.Join(root, found), nil
}
