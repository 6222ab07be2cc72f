package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

// output passes on what the commands print and remembers the first failure:
// they need not look at every line.
type output struct {
	to   io.Writer
	lost error
}

func (o *output) Write(b []byte) (int, error) {
	if o.lost != nil {
		return 0, o.lost
	}
	n, err := o.to.Write(b)
	o.lost = err
	return n, err
}

// verdict is the error that a command ends with: lost output counts for more
// than what was to be said there.
func (o *output) verdict(err error) error {
	status := exitStatus(0)
	if o.lost != nil && (err == nil || errors.As(err, &status) || errors.Is(err, o.lost)) {
		return fmt.Errorf("write the output: %w", o.lost)
	}
	return err
}

// remark says on standard error what a command goes on after.
func remark(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintf(cmd.ErrOrStderr(), "mastersim: "+format+"\n", args...)
}

// writable finds out before long work whether its result will find a place. It
// leaves the file as it is: what is there, and that none is.
func writable(path string) error {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() && info.Mode()&fs.ModeSymlink == 0 {
		return nil // to open a pipe or a device may already do something
	}
	file, problem := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if problem != nil {
		return problem
	}
	if problem := file.Close(); problem != nil {
		return problem
	}
	if errors.Is(err, fs.ErrNotExist) {
		return os.Remove(path)
	}
	return nil
}
