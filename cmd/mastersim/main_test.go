package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/sim/stress"
)

func mastersim(t *testing.T, args ...string) (status int, out, complaints string) {
	t.Helper()
	var o, c bytes.Buffer
	status = run(t.Context(), args, &o, &c)
	return status, o.String(), c.String()
}

func TestWrongCommandLinesGiveOneClearLine(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	write(t, empty, "")
	for _, tc := range []struct{ args, want string }{
		{"nonsense", `there is no command "nonsense"`},
		{"help nonsense", `there is no command "nonsense"`},
		{"stress -nonsense", "unknown flag: --nonsense; see mastersim stress -h"},
		{"stress extra", `nothing is expected after the options, not "extra"`},
		{"stress -seeds many", `invalid argument "many" for "--seeds" flag: write a whole number, not below 0; see mastersim stress -h`},
		{"stress -seeds 99999999999999999999", "write a smaller number"},
		{"stress -cores x", "write a whole number; see"},
		{"stress -json=maybe", "write true or false; see"},
		{"stress -seeds 1 -only XX", "-only XX: there is no such invariant; there are S1, S2, "},
		{"stress -seeds 1 -only contracts", "panic, adapter, call, journal, contract"},
		{"stress -seeds 0", "-seeds: at least one"},
		{"stress -shard 3/3", `shard "3/3": write i/n, with i from 0 to n-1`},
		{"stress -shard 1", `shard "1"`},
		{"stress -shard -1/2", `shard "-1/2"`},
		{"stress -set fork_fail=1001", `option fork_fail: "1001" is not a number from 0 to 1000`},
		{"stress -set nothing=1", "option nothing: there is none of this name"},
		{"stress -set fork_fail", "write name=value"},
		{"stress -cores -1", "not below 0"},
		{"stress -from 18446744073709551615 -seeds 2", "beyond 64 bits"},
		{"stress -canary " + dir + "/none", "no such file"},
		{"run", "-seed N or a file says which run is meant"},
		{"run -seed x", "see mastersim run -h"},
		{"run -seed 1 " + empty, "a file, or -seed and -tape, not both"},
		{"run a b", `one file at a time, not also "b"`},
		{"run " + dir + "/none", "no such file"},
		{"run " + empty, `no line begins with "tape:"`},
		{"run -seed 1 -tape x", "parse tape"},
		{"explore -world nowhere", "-world nowhere: there is none of this name"},
		{"explore -depth -1", "not below 0"},
		{"explore -world tiny -depth 2 -proof " + dir + "/none/proof.md", "-proof: open " + dir + "/none/proof.md: no such file"},
		{"replay", "replay takes one file"},
		{"replay " + dir + "/none", "no such file"},
		{"replay " + empty, "this is no recording"},
		{"replay " + empty + " -fork 0", "-fork, -steps and -seeds: at least 1"},
		{"replay " + empty + " -fork 1", "this is no recording"},
		{"replay " + empty + " -fork 1 -seeds 0", "-fork, -steps and -seeds: at least 1"},
		{"replay " + empty + " -fork 1 -text", "-text and -fork"},
		{"reduce -seed 1 -runs 0", "-runs: at least one"},
		{"reduce -seed 1 -write a/b", "a name without blanks and slashes"},
		{"reduce -seed 1", "nothing broke in this run"},
		{"timeline -seed 1 -steps 0", "-steps: at least one"},
		{"timeline", "-seed N or a file"},
		{"mutants -root " + dir, "-root: " + dir + " is not the root of the module"},
		{"mutants -names status-pid -seeds 1 -only XX", "-only XX: there is no such invariant; there are S1, S2, "},
		{"mutants -names status-pid -seeds 1 -table " + dir + "/none/table", "-table: open "},
		{"mutants -names no-such-program", "no mutant of the bank is meant"},
		{"mutants -build nobody -out x", "-build nobody: there is no such mutant"},
		{"mutants -build x", "-out says where the program goes"},
		{"mutants -seeds 0", "-seeds at least 1"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			status, out, complaints := mastersim(t, strings.Fields(tc.args)...)
			if status != exitUsage || !strings.Contains(complaints, tc.want) {
				t.Errorf("status %d, %q; want %d, %q", status, complaints, exitUsage, tc.want)
			}
			if strings.Count(complaints, "\n") != 1 || !strings.HasPrefix(complaints, "mastersim: ") {
				t.Errorf("not one line: %q", complaints)
			}
			if strings.Contains(out, "Usage") {
				t.Errorf("help was printed: %q", out)
			}
		})
	}
}

func TestHelpIsNoFault(t *testing.T) {
	for _, args := range []string{"", "-h", "help", "help stress", "run -h", "replay --help", "mutants -help"} {
		status, out, complaints := mastersim(t, strings.Fields(args)...)
		if status != exitClean || !strings.Contains(out, "Usage:") || complaints != "" {
			t.Errorf("%q: status %d, %q, %q", args, status, out, complaints)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStressEndsCleanWithASummary(t *testing.T) {
	status, out, complaints := mastersim(t, "stress", "-from", "1", "-seeds", "30", "-json", "-shard", "1/3", "-fresh", "-model-every", "0")
	if status != exitClean {
		t.Fatalf("status %d: %s%s", status, out, complaints)
	}
	var s summaryLine
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if !s.Complete || len(s.Unmet) == 0 {
		t.Errorf("complete %v, unmet %q", s.Complete, s.Unmet)
	}
	if s.Kind != kindSummary || s.Shard != "1/3" || s.Seeds != 10 || s.Steps == 0 || s.Events == 0 || s.Simulated <= 0 || s.Coverage == 0 || s.Findings != 0 {
		t.Errorf("%+v", s)
	}
}

func TestShardComesFromTheJob(t *testing.T) {
	for _, tc := range []struct {
		text, index, completions string
		i, n                     uint64
		fails                    bool
	}{
		{"", "", "", 0, 1, false},
		{"", "3", "8", 3, 8, false},
		{"1/2", "3", "8", 1, 2, false},
		{"", "3", "", 0, 0, true},
		{"", "", "8", 0, 0, true},
		{"", "8", "8", 0, 0, true},
		{"", "x", "8", 0, 0, true},
	} {
		env := map[string]string{"JOB_COMPLETION_INDEX": tc.index, "COMPLETIONS": tc.completions}
		i, n, err := shard(tc.text, func(name string) string { return env[name] })
		if i != tc.i && !tc.fails || n != tc.n && !tc.fails || (err != nil) != tc.fails {
			t.Errorf("%q with %q of %q: got %d/%d, %v", tc.text, tc.index, tc.completions, i, n, err)
		}
	}
}

func TestRunRepeatsASeed(t *testing.T) {
	_, first, _ := mastersim(t, "run", "-seed", "7", "-set", "steps=50", "-text")
	status, again, _ := mastersim(t, "run", "--seed=7", "--set=steps=50", "--text")
	if status != exitClean || first != again || !strings.Contains(first, "options: steps=50 ") || !strings.Contains(first, "config-loaded") || !strings.Contains(first, "nothing broke") {
		t.Errorf("status %d, the same: %v\n%s", status, first == again, first)
	}
}

func TestRunTakesWhatStressAndReduceWrite(t *testing.T) {
	dir := t.TempDir()
	o, err := stress.Options(7, nil)
	if err != nil {
		t.Fatal(err)
	}
	finding := lineOf(&stress.Finding{Seed: 7, Options: o, Tape: []uint16{1, 2, 3}, Changed: true, Invariant: "S1"})
	line, err := json.Marshal(finding)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, asText := filepath.Join(dir, "f.json"), filepath.Join(dir, "f.tape")
	write(t, asJSON, `{"kind":"progress"}`+"\n"+string(line)+"\n")
	s := stress.Scenario{What: "x", Invariant: "S1", Options: o, Tape: []uint16{1, 2, 3}}
	write(t, asText, s.String())
	_, want, _ := mastersim(t, "run", "-seed", "7", "-tape", "1 2 3", "-text")
	for _, path := range []string{asJSON, asText} {
		if _, got, complaints := mastersim(t, "run", path, "-text"); got != want || want == "" {
			t.Errorf("%s is another run: %s", path, complaints)
		}
	}
}

func TestReplaySaysSameOrShowsTheDifference(t *testing.T) {
	dir := t.TempDir()
	record := func(name string, wrong bool) string {
		w := trace.NewWriter()
		w.Fresh(0, core.MachineOptions{})
		m := core.New(0, core.MachineOptions{})
		for i, ev := range []core.Event{
			core.ConfigLoadedEvent(0, &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix"}),
			core.SignalReceivedEvent(core.SIGHUP), core.SignalReceivedEvent(core.SIGTERM),
		} {
			now := core.Time(int64(i+1) * int64(core.Second))
			w.Event(now, &ev)
			actions := m.Step(now, ev)
			if wrong && i == 1 {
				actions = actions[:1]
			}
			w.Actions(actions)
		}
		path := filepath.Join(dir, name)
		write(t, path, string(w.Bytes()))
		return path
	}
	status, out, complaints := mastersim(t, "replay", record("same", false))
	if status != exitClean || out != "3 steps, the same actions in each\n" {
		t.Errorf("status %d, %q, %q", status, out, complaints)
	}
	wrong := record("wrong", true)
	status, out, _ = mastersim(t, "replay", wrong)
	if status != exitFound || !strings.Contains(out, "1 steps gave the same\nstep 2 differs") || !strings.Contains(out, "load-config") {
		t.Errorf("status %d, %q", status, out)
	}
	if status, out, _ := mastersim(t, "timeline", wrong); status != exitClean || !strings.Contains(out, "<h2>this machine</h2>") {
		t.Errorf("timeline: status %d", status)
	}
	status, out, complaints = mastersim(t, "reduce", wrong, "-write", "lost", "-dir", dir)
	if status != exitFound || !strings.Contains(out, "other actions at signal-received") || !strings.Contains(out, "2 steps, were 2") || !strings.Contains(out, "lost.journal plays it") {
		t.Errorf("reduce: status %d, %q, %q", status, out, complaints)
	}
	if status, _, _ := mastersim(t, "replay", filepath.Join(dir, "lost.journal")); status != exitFound {
		t.Errorf("what is left replays with status %d", status)
	}
	if status, _, complaints := mastersim(t, "reduce", filepath.Join(dir, "same")); status != exitUsage || !strings.Contains(complaints, "nothing to reduce") {
		t.Errorf("reduce of what is right: status %d, %q", status, complaints)
	}
	fork := filepath.Join(dir, "fork")
	status, out, complaints = mastersim(t, "replay", filepath.Join(dir, "same"), "-fork", "1", "-seeds", "5", "-steps", "30", "-write", fork)
	if status != exitClean || !strings.Contains(out, "1 real steps, 5 futures of it") || !strings.Contains(out, "nothing broke") {
		t.Errorf("fork: status %d, %q, %q", status, out, complaints)
	}
	if status, out, _ := mastersim(t, "replay", fork); status != exitClean {
		t.Errorf("the fork: status %d, %q", status, out)
	}
	if status, _, complaints := mastersim(t, "replay", wrong, "-fork", "9"); status != exitUsage || !strings.Contains(complaints, "step 2 differs") {
		t.Errorf("fork of what differs: status %d, %q", status, complaints)
	}
	cut := filepath.Join(dir, "cut")
	write(t, cut, trace.Mark+"\x02")
	if status, _, complaints := mastersim(t, "replay", cut); status != exitUsage || !strings.Contains(complaints, "malformed") {
		t.Errorf("cut off: status %d, %q", status, complaints)
	}
}

func TestTimelineDrawsASeed(t *testing.T) {
	status, html, complaints := mastersim(t, "timeline", "-seed", "20", "-steps", "100")
	if status != exitClean || !strings.HasPrefix(html, "<!DOCTYPE html>") || !strings.Contains(html, `class="lane"`) {
		t.Errorf("status %d, %q", status, complaints)
	}
	status, text, _ := mastersim(t, "timeline", "-seed", "20", "-text")
	if status != exitClean || !strings.Contains(text, "seconds  step") {
		t.Errorf("text: status %d", status)
	}
}

func TestExploreListsItsWorlds(t *testing.T) {
	status, out, _ := mastersim(t, "explore", "-list")
	if status != exitClean || !strings.Contains(out, "services 1") {
		t.Errorf("status %d, %q", status, out)
	}
}

func TestExploreReportsAWorldAndWritesTheProof(t *testing.T) {
	proof := filepath.Join(t.TempDir(), "proof.md")
	status, out, complaints := mastersim(t, "explore", "-world", "tiny", "-depth", "4", "-proof", proof)
	if status != exitClean || !strings.Contains(out, "world tiny") || !strings.Contains(out, "depth 4 completed") {
		t.Errorf("status %d, %q, %q", status, out, complaints)
	}
	if text, err := os.ReadFile(proof); err != nil || !strings.Contains(string(text), "| tiny |") {
		t.Errorf("the proof: %v", err)
	}
}

func TestExploreSpeaksToMachines(t *testing.T) {
	status, out, complaints := mastersim(t, "explore", "-world", "tiny,single", "-depth", "3", "-json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != exitClean || len(lines) != 2 {
		t.Fatalf("status %d, %q, %q", status, out, complaints)
	}
	for i, name := range []string{"tiny", "single"} {
		var l worldLine
		if err := json.Unmarshal([]byte(lines[i]), &l); err != nil || l.World != name || l.Depth != 3 || l.States == 0 || len(l.Situations) == 0 || l.Stopped != "depth" {
			t.Errorf("%+v: %v", l, err)
		}
	}
}

func TestInterruptedSearchSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, complaints bytes.Buffer
	proof := filepath.Join(t.TempDir(), "proof.md")
	if status := run(ctx, []string{"explore", "-proof", proof}, &out, &complaints); status != exitUsage || !strings.Contains(complaints.String(), "interrupted") {
		t.Errorf("explore: status %d, %s", status, complaints.String())
	}
	if _, err := os.Stat(proof); err == nil {
		t.Error("an interrupted search wrote its proof")
	}
	out.Reset()
	if status := run(ctx, []string{"stress", "-seeds", "1000"}, &out, &complaints); status != exitClean || !strings.Contains(out.String(), "ended before the 1000 seeds of this shard were played") {
		t.Errorf("stress: status %d, %s", status, out.String())
	}
}

// What the manifest says is what the program understands.
func TestJobManifestIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "kubernetes-job.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	manifest := string(text)
	value := func(pattern string) string {
		t.Helper()
		m := regexp.MustCompile(pattern).FindStringSubmatch(manifest)
		if m == nil {
			t.Fatalf("the manifest has no %s", pattern)
		}
		return m[1]
	}
	completions := value(`(?m)^  completions: (\d+)`)
	if told := value(`(?m)- name: COMPLETIONS\n\s+value: "(\d+)"`); told != completions {
		t.Errorf("the program is told of %s completions, the job has %s", told, completions)
	}
	if mode, limit := value(`completionMode: (\w+)`), value(`backoffLimitPerIndex: (\d+)`); mode != "Indexed" || limit != "0" {
		t.Errorf("completionMode %s, backoffLimitPerIndex %s", mode, limit)
	}
	args := regexp.MustCompile(`(?m)^            - (\S+)$`).FindAllStringSubmatch(manifest, -1)
	if len(args) < 3 || args[0][1] != "stress" {
		t.Fatalf("arguments: %q", args)
	}
	flags := stressCommand().Flags()
	for _, a := range args[1:] {
		name, given, _ := strings.Cut(strings.TrimLeft(a[1], "-"), "=")
		if given == "" {
			given = "true"
		}
		if err := flags.Set(name, given); err != nil {
			t.Errorf("%s: %v", a[1], err)
		}
	}
	last, _ := strconv.Atoi(completions)
	env := map[string]string{"JOB_COMPLETION_INDEX": strconv.Itoa(last - 1), "COMPLETIONS": completions}
	if i, n, err := shard("", func(name string) string { return env[name] }); err != nil || int(i) != last-1 || int(n) != last {
		t.Errorf("the last pod plays shard %d/%d: %v", i, n, err)
	}
}

func TestMutantsListsTheBank(t *testing.T) {
	status, out, _ := mastersim(t, "mutants", "-list", "-names", "status-")
	if status != exitClean || !strings.Contains(out, "status-generation-unchecked") || strings.Contains(out, "reload-") {
		t.Errorf("status %d, %q", status, out)
	}
}

func TestWrongProgramIsFoundReducedAndDrawn(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program: not with -short")
	}
	dir := t.TempDir()
	canary := filepath.Join(dir, "mastersim-canary")
	if status, _, complaints := mastersim(t, "mutants", "-build", "status-generation-unchecked", "-out", canary); status != exitClean {
		t.Fatalf("status %d: %s", status, complaints)
	}
	if status, out, complaints := mastersim(t, "stress", "-canary", canary, "-seeds", "10", "-fresh", "-model-every", "0"); status != exitClean {
		t.Errorf("a canary that sings: status %d: %s%s", status, out, complaints)
	}
	program := program(canary)
	status, out := program(t, "stress", "-first", "-fresh", "-json", "-cores", "1")
	if status != exitFound {
		t.Fatalf("stress: status %d: %s", status, out)
	}
	found := filepath.Join(dir, "found.json")
	write(t, found, out)
	status, out = program(t, "reduce", found, "-write", "stale", "-dir", dir)
	if status != exitFound || !strings.Contains(out, "BROKEN S6") || !strings.Contains(out, "again: go run ./cmd/mastersim run -seed") {
		t.Fatalf("reduce: status %d: %s", status, out)
	}
	if status, out = program(t, "run", filepath.Join(dir, "stale.tape")); status != exitFound {
		t.Errorf("the regression: status %d: %s", status, out)
	}
	if status, out = program(t, "timeline", filepath.Join(dir, "stale.tape")); status != exitClean || !strings.Contains(out, `class="broken"><title>S6`) {
		t.Errorf("timeline: status %d", status)
	}
	silent := filepath.Join(dir, "silent")
	write(t, silent, "#!/bin/sh\nexit 0\n")
	if err := os.Chmod(silent, 0o700); err != nil {
		t.Fatal(err)
	}
	if status, out, _ := mastersim(t, "stress", "-canary", silent, "-seeds", "10"); status != exitFound || !strings.Contains(out, "this shard is broken") {
		t.Errorf("a silent canary: status %d: %s", status, out)
	}
}
