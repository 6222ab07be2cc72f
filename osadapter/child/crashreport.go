package child

import (
	"os"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/logs"
)

// A panic in a goroutine that the server starts cannot be recovered here: the
// runtime prints it, and the process ends. No Go code runs any more then, and
// standard error is /dev/null. So the runtime prints to a file in memory and ends
// by SIGABRT, whose handler executes this program once more, in place: the same
// process, with a fresh runtime, reads the file, writes it to the log line by line
// and exits with status 2, as after any panic. Until then this costs three
// descriptors and nothing else.

// reportVariable is set when this program is executed to report. It names the
// descriptors of the file in memory and of the log file, or -1.
const reportVariable = "STATIONMASTER_CHILD_REPORT"

// reportSettings is what the report must know about the log. It is passed as the
// argument vector.
type reportSettings struct {
	process  string
	toStderr bool
	log      core.LogSettings
}

func (s *reportSettings) argv() []string {
	return []string{
		s.process, strconv.FormatBool(s.toStderr), s.log.Name, strconv.Itoa(int(s.log.Facility)), s.log.File,
		s.log.PostlogPath, s.log.Hostname, strconv.FormatBool(s.log.AllowUnicode),
	}
}

// parseReport parses what argv wrote; ok is false for everything else.
func parseReport(argv []string) (s reportSettings, ok bool) {
	if len(argv) != 8 {
		return s, false
	}
	facility, err := strconv.ParseUint(argv[3], 10, 8)
	s = reportSettings{argv[0], argv[1] == "true", core.LogSettings{
		Name: argv[2], Facility: uint8(facility), File: argv[4],
		PostlogPath: argv[5], Hostname: argv[6], AllowUnicode: argv[7] == "true",
	}}
	return s, err == nil
}

// report logs what the runtime printed.
func report(s reportSettings, held int, words string) {
	p := &Process{server: &Server{Name: s.process}, pid: os.Getpid()}
	p.options.toStderr = s.toStderr
	p.log = logs.New(logs.Origin{Process: s.process, PID: p.pid, Fallback: true}, os.LookupEnv)
	// A log that cannot be opened is lost: nobody is left to be told.
	_ = p.log.Switch(s.log)
	if held >= 0 {
		p.log.HoldDescriptor(held)
	}
	cause, calls := parseCrash(words)
	p.write(logs.Panic, "%s", []any{cause})
	for _, call := range calls {
		p.Infof("%s", call)
	}
	p.log.Finish()
}

// maxCauses bounds the number of lines of a cause that are logged.
const maxCauses = 10

// parseCrash parses what the runtime prints about a panic or a fatal error: the
// cause, in one line, and the calls that led to it, in the form of callsToPanic.
func parseCrash(text string) (cause string, calls []string) {
	head, trace, _ := strings.Cut(text, "\n\ngoroutine ")
	var causes []string
	for _, line := range strings.Split(head, "\n") {
		if line = strings.TrimSpace(line); line != "" && len(causes) < maxCauses {
			causes = append(causes, line)
		}
	}
	cause = strings.TrimPrefix(strings.Join(causes, "; "), "panic: ")
	trace, _, _ = strings.Cut(trace, "\n\n") // of this goroutine only
	lines := strings.Split(trace, "\n")
	for i := 1; i+1 < len(lines); i++ {
		function, place := lines[i], lines[i+1]
		if !strings.HasPrefix(place, "\t") {
			continue
		}
		i++
		place, _, _ = strings.Cut(strings.TrimSpace(place), " ")
		if starter, ok := strings.CutPrefix(function, "created by "); ok {
			starter, _, _ = strings.Cut(starter, " in goroutine ")
			calls = append(calls, "started by "+starter+" ("+place+")")
			break
		}
		name := function[:max(strings.LastIndexByte(function, '('), 0)]
		if name == "panic" || strings.HasPrefix(name, "runtime.") && len(calls) == 0 {
			calls = calls[:0] // the runtime's frames of the panic come first
			continue
		}
		if strings.HasPrefix(name, "runtime.") { // the end of every goroutine
			continue
		}
		if calls = append(calls, "at "+name+" ("+place+")"); len(calls) == maxCalls {
			break
		}
	}
	return cause, calls
}
