package child

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	machine "github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/config"
)

// options are the words of a server's command line (spec child, 3); those that
// a master writes are in docs/contract.md.
type options struct {
	chroot       bool              // -c
	foreground   bool              // -d
	debug        bool              // -D
	alone        bool              // -l
	service      string            // -n, or the base name of argv[0]
	overrides    []config.Override // -o, -i and -m
	retireAfter  core.Duration     // -r
	listeners    int               // -s
	standard     bool              // -S
	transport    string            // -t, in lower case
	unprivileged bool              // -u
	verbose      int               // -v
	toStderr     bool              // -V
	unlimited    bool              // -z
	args         []string          // the server's own
}

// maxListeners bounds -s; a descriptor above does not exist anyway.
const maxListeners = 1 << 16

// optionLetters returns the letters that a skeleton knows, as getopt wants them.
func optionLetters(k machine.Skeleton) string {
	letters := "cdDi:lm:n:o:s:t:uvVz"
	if k != machine.Datagram {
		letters += "S"
	}
	if k == machine.Single || k == machine.EventDriven {
		letters += "r:"
	}
	return letters
}

// parseOptions reads argv by the rules of getopt: letters may be clustered, and
// options end at the first word that is none, or after "--". The error is the
// text of the fatal line.
func parseOptions(argv []string, k machine.Skeleton) (options, error) {
	o := options{listeners: 1}
	if len(argv) == 0 {
		argv = []string{""}
	}
	o.service = argv[0][strings.LastIndexByte(argv[0], '/')+1:]
	letters := optionLetters(k)
	words := argv[1:]
	for len(words) > 0 {
		word := words[0]
		if len(word) < 2 || word[0] != '-' {
			break
		}
		words = words[1:]
		if word == "--" {
			break
		}
		for i := 1; i < len(word); i++ {
			at := strings.IndexByte(letters, word[i])
			if at < 0 || word[i] == ':' {
				return o, fmt.Errorf("invalid option: %c", word[i])
			}
			if at+1 == len(letters) || letters[at+1] != ':' {
				o.setFlag(word[i])
				continue
			}
			value := word[i+1:]
			if value == "" {
				if len(words) == 0 {
					return o, fmt.Errorf("invalid option: %c", word[i])
				}
				value, words = words[0], words[1:]
			}
			if err := o.setValue(word[i], value); err != nil {
				return o, err
			}
			break
		}
	}
	o.args = words
	return o, nil
}

func (o *options) setFlag(letter byte) {
	switch letter {
	case 'c':
		o.chroot = true
	case 'd':
		o.foreground = true
	case 'D':
		o.debug = true
	case 'l':
		o.alone = true
	case 'S':
		o.standard = true
	case 'u':
		o.unprivileged = true
	case 'v':
		o.verbose++
	case 'V':
		o.toStderr = true
	case 'z':
		o.unlimited = true
	}
}

func (o *options) setValue(letter byte, value string) error {
	switch letter {
	case 'i':
		o.overrides = append(o.overrides, config.Override{Name: "max_idle", Value: value})
	case 'm':
		o.overrides = append(o.overrides, config.Override{Name: "max_use", Value: value})
	case 'n':
		o.service = value
	case 'o':
		over, err := parseOverride(value)
		if err != nil {
			return fmt.Errorf("invalid \"-o %s\" option value: %w", value, err)
		}
		o.overrides = append(o.overrides, over)
	case 'r':
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n <= 0 {
			return fmt.Errorf("invalid retirement time: %s", value)
		}
		o.retireAfter = core.Duration(n) * core.Second
	case 's':
		n, err := strconv.Atoi(value)
		if err != nil || n <= 0 || n > maxListeners {
			return fmt.Errorf("invalid socket_count: %s", value)
		}
		o.listeners = n
	case 't':
		o.transport = strings.ToLower(value)
	}
	return nil
}

// parseOverride splits "name = value" as main.cf does (spec config, 2.1).
func parseOverride(text string) (config.Override, error) {
	const blanks = " \t\n\v\f\r"
	rest := strings.TrimLeft(text, blanks)
	end := strings.IndexAny(rest, blanks+"=")
	if end < 0 {
		end = len(rest)
	}
	name := rest[:end]
	if name == "" {
		return config.Override{}, errors.New("missing attribute name")
	}
	value, found := strings.CutPrefix(strings.TrimLeft(rest[end:], blanks), "=")
	if !found {
		return config.Override{}, errors.New("missing '=' after attribute name")
	}
	return config.Override{Name: name, Value: strings.Trim(value, blanks)}, nil
}

// checkTransport reports whether the skeleton serves the transport (spec child, 2).
func (o *options) checkTransport(k machine.Skeleton) error {
	if o.transport == "" {
		return errors.New("no transport type specified")
	}
	known := []string{"inet", "unix", "pass"}
	switch k {
	case machine.Trigger:
		known = []string{"unix", "fifo", "pass"}
	case machine.Datagram:
		known = []string{"unix-dgram"}
	}
	for _, t := range known {
		if t == o.transport {
			return nil
		}
	}
	return fmt.Errorf("unsupported transport type: %s", o.transport)
}

// checkDemands compares the command line with what the server cannot do
// without (spec child, 2).
func (o *options) checkDemands(s *Server) error {
	switch {
	case s.Limit == LimitOne && !o.alone && !o.standard: // with -S there is one
		return fmt.Errorf("service %s requires a process limit of 1", o.service)
	case s.Limit == NoLimit && !o.unlimited && !o.standard:
		return fmt.Errorf("service %s requires a process limit of 0", o.service)
	case s.Privileged && o.unprivileged:
		return fmt.Errorf("service %s requires privileged operation", o.service)
	default:
		return nil
	}
}
