package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// loadLimit bounds the time of one operation of the clients. They give up by
// themselves if nothing happens for a minute.
const loadLimit = 5 * time.Minute

// words are the results that the clients print: NAME=VALUE.
type words map[string]float64

func parseWords(line string) (words, error) {
	w := words{}
	for _, word := range strings.Fields(line) {
		name, value, ok := strings.Cut(word, "=")
		x, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			return nil, fmt.Errorf("unexpected output of the clients: %q", line)
		}
		w[name] = x
	}
	return w, nil
}

// load runs the clients with these arguments and returns their results.
func (b *bench) load(dir string, args ...string) (words, error) {
	command := exec.Command(filepath.Join(b.workDir, loadName), args...)
	command.Dir = dir
	var text, trouble bytes.Buffer
	command.Stdout, command.Stderr = &text, &trouble
	if err := command.Start(); err != nil {
		return nil, err
	}
	defer b.guard(command)()
	if err := command.Wait(); err != nil {
		return nil, fmt.Errorf("load %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(trouble.String()))
	}
	return parseWords(text.String())
}

// guard ends the clients if they take too long, or if a child or a master
// complains: they would wait for an answer that does not come. Call stop when they
// have answered.
func (b *bench) guard(command *exec.Cmd) (stop func()) {
	const often = 250 * time.Millisecond
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		limit, look := time.NewTimer(loadLimit), time.NewTicker(often)
		defer limit.Stop()
		defer look.Stop()
		for {
			select {
			case <-done:
				return
			case <-look.C:
				if b.complaint() == nil {
					continue
				}
			case <-limit.C:
			}
			_ = command.Process.Kill()
			return
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// holder is a program of clients that stay connected.
type holder struct {
	guard   func(*exec.Cmd) (stop func())
	command *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Reader
	trouble bytes.Buffer
	seconds float64 // until all were served
}

// hold opens n connections, each served by a child of its own.
func (b *bench) hold(dir, address string, n int) (*holder, error) {
	const window = 16
	h := &holder{guard: b.guard}
	h.command = exec.Command(filepath.Join(b.workDir, loadName), "hold", address, strconv.Itoa(n), strconv.Itoa(window), gateName)
	h.command.Dir = dir
	h.command.Stderr = &h.trouble
	var err error
	if h.orders, err = h.command.StdinPipe(); err != nil {
		return nil, err
	}
	answers, err := h.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.answers = bufio.NewReader(answers)
	if err := h.command.Start(); err != nil {
		return nil, err
	}
	ready, err := h.hear()
	if err != nil {
		return nil, fmt.Errorf("hold %d connections: %w", n, err)
	}
	h.seconds = ready["seconds"]
	return h, nil
}

// tell sends an order and waits for the answer.
func (h *holder) tell(order string) (words, error) {
	if _, err := io.WriteString(h.orders, order+"\n"); err != nil {
		return nil, err
	}
	return h.hear()
}

func (h *holder) hear() (words, error) {
	defer h.guard(h.command)()
	line, err := h.answers.ReadString('\n')
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the clients ended: %w: %s", h.command.Wait(), strings.TrimSpace(h.trouble.String()))
	}
	if err != nil {
		return nil, err
	}
	return parseWords(line)
}

// close disconnects the clients; children that still serve them exit.
func (h *holder) close() error {
	_ = h.orders.Close()
	return h.command.Wait()
}
