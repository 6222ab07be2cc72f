package config_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
	"github.com/stationmaster/stationmaster/osadapter/facts"
)

// reading is our reading of a pair, in this process.
type reading struct {
	parameters *config.Parameters
	mainFault  string   // the error that ends every program that reads main.cf
	faults     []string // everything wrong with main.cf, including unused values
	endpoints  []string // where inet entries listen, in the order of their sockets
}

// read loads the files that are in place, with the lane's tables.
func read(p *pair) reading {
	l := facts.Loader{ConfigDirectory: configPath, ProcessName: "master", Flags: config.Flags{Verbose: true, SwitchIdentity: true, Foreground: slices.Contains(p.Flags, "-d")}}
	parameters, diagnostics, _ := l.LoadMain()
	r := reading{parameters: parameters}
	for _, d := range diagnostics {
		if d.Severity == core.Error && strings.HasPrefix(d.Text, configPath+"/main.cf, line ") {
			r.mainFault = "fatal: " + d.Text
			break
		}
	}
	for _, d := range diagnostics {
		r.fault(d)
	}
	text, _ := os.ReadFile(configPath + "/main.cf")
	for _, e := range config.ParseMain(configPath+"/main.cf", text).Entries {
		if _, err := parameters.Value(e.Name); err != nil {
			for _, d := range err.(*config.Problem).Diagnostics {
				r.fault(d)
			}
		}
	}
	c, _ := l.LoadServices(parameters)
	for i := range c.Services {
		for _, e := range c.Services[i].Endpoints {
			if e.Path == "" {
				r.endpoints = append(r.endpoints, addressText(e.Address))
			}
		}
	}
	return r
}

// fault records a line that postconf may print about a mistake.
func (r *reading) fault(d core.Diagnostic) {
	line := severities[d.Severity] + strings.TrimPrefix(d.Text, "dictionary mail_dict: ")
	r.faults = append(r.faults, "postconf: "+sanitized(line))
	if text, ok := strings.CutPrefix(line, "fatal: "); ok { // in a macro it is a warning
		r.faults = append(r.faults, "postconf: warning: "+sanitized(text))
	}
}

func addressText(a netip.AddrPort) string {
	return "[" + a.Addr().String() + "]:" + number(int(a.Port()))
}

func number(n int) string { return strconv.Itoa(n) }

// valuesAnswer is the result of both sides for the values of parameters.
type valuesAnswer struct {
	Names    []string // those that we can expand
	Ours     []string // as the master sees them
	Catalog  []string // as masterctl shows them
	Original output
	Refused  []refusedValue
}

// refusedValue is a parameter that we cannot expand.
type refusedValue struct {
	Name     string
	Ours     []string // the warnings and the error
	Original output
}

// enter records our result for a parameter.
func (a *valuesAnswer) enter(name, text, listed string, found bool, err error) {
	var problem *config.Problem
	switch {
	case slices.Contains(a.Names, name) || strings.HasPrefix(name, "process_"):
	case errors.As(err, &problem):
		v := refusedValue{Name: name}
		for _, d := range problem.Diagnostics {
			v.Ours = append(v.Ours, severities[d.Severity]+d.Text)
		}
		a.Refused = append(a.Refused, v)
	default:
		a.Names, a.Ours, a.Catalog = append(a.Names, name), append(a.Ours, text), append(a.Catalog, listed)
	}
}

// maxRefused bounds the number of values that are compared although they cannot be
// expanded.
const maxRefused = 3

// values asks both sides for the values of the pair's parameters.
func (s *stage) values(p *pair, r reading) (a valuesAnswer, err error) {
	if r.mainFault == "" {
		catalog := known.New(r.parameters, config.ParseMaster(configPath+"/master.cf", nil))
		for _, name := range p.Names {
			if name == "process_id" || name == "process_name" {
				continue // of postconf
			}
			listed, found, err := catalog.Value(name)
			text := listed
			// A default that was read is stored expanded; reading it again
			// would expand it twice.
			if _, given := r.parameters.Given(name); given && err == nil {
				text, err = r.parameters.Value(name)
			}
			a.enter(name, text, listed, found, err)
		}
		names := catalog.Names()
		random := rand.New(rand.NewPCG(p.Random, 1))
		for range p.More {
			name := names[random.IntN(len(names))]
			text, found, err := catalog.Value(name)
			a.enter(name, text, text, found, err)
		}
	} else {
		a.Refused = []refusedValue{{Name: "myhostname", Ours: []string{r.mainFault}}}
	}
	if len(a.Names) > 0 {
		if a.Original, err = s.postconf(append([]string{"-c", configPath, "-xh"}, a.Names...)...); err != nil {
			return a, err
		}
	}
	a.Refused = a.Refused[:min(len(a.Refused), maxRefused)]
	for i := range a.Refused {
		if a.Refused[i].Original, err = s.postconf("-c", configPath, "-xh", a.Refused[i].Name); err != nil {
			return a, err
		}
	}
	return a, nil
}

var severities = map[core.Severity]string{core.Info: "", core.Warning: "warning: ", core.Error: "fatal: "}
