package main

import (
	"math"
	"regexp"
	"testing"
)

func TestMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		figures []float64
		want    float64
	}{
		{nil, 0},
		{[]float64{7}, 7},
		{[]float64{9, 1}, 5},
		{[]float64{100, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(c.figures); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.figures, got, c.want)
		}
	}
}

func TestMeanSharesTheSum(t *testing.T) {
	if got := mean(nil); got != 0 {
		t.Errorf("of nothing: %v, want 0", got)
	}
	if got := mean([]float64{100, 1, 4}); got != 35 {
		t.Errorf("got %v, want 35", got)
	}
}

func TestMedianLeavesTheSamplesInTheirOrder(t *testing.T) {
	figures := []float64{3, 1, 2}
	median(figures)
	if figures[0] != 3 || figures[1] != 1 || figures[2] != 2 {
		t.Errorf("the samples became %v", figures)
	}
}

func TestGoalJudges(t *testing.T) {
	for _, c := range []struct {
		name   string
		goal   goal
		figure float64
		want   string
	}{
		{"no goal", goal{}, 5, ""},
		{"small enough", atMost(0.6, 0.4), 0.4, "aim"},
		{"just what it must", atMost(0.6, 0.4), 0.6, "must"},
		{"too large", atMost(0.6, 0.4), 0.61, "MISSED"},
		{"large enough", atLeast(1.5, 1.9), 1.9, "aim"},
		{"large as it must", atLeast(1.5, 1.9), 1.5, "must"},
		{"too small", atLeast(1.5, 1.9), 1.49, "MISSED"},
		{"an aim of nothing is reached by nothing", ownMost(1, 0), 0, "aim"},
		{"an aim of nothing is missed by little", ownMost(1, 0), 0.01, "must"},
		{"no number", atMost(1, 1), math.NaN(), "MISSED"},
	} {
		if got := c.goal.judge(c.figure); got != c.want {
			t.Errorf("%s: judge(%v) = %q, want %q", c.name, c.figure, got, c.want)
		}
	}
}

func TestNamesOfMetricsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range metrics {
		if seen[m.id] {
			t.Errorf("two metrics are named %s", m.id)
		}
		seen[m.id] = true
		if m.name == "" {
			t.Errorf("%s has no text", m.id)
		}
	}
	for _, m := range metrics {
		for _, from := range m.from {
			if !seen[from] {
				t.Errorf("%s is made from %s, which is not measured", m.id, from)
			}
		}
	}
}

// In each goal the aim is at least as strict as the requirement.
func TestAimIsNoEasierThanMust(t *testing.T) {
	for _, m := range metrics {
		if !m.goal.none() && m.goal.judge(m.goal.aim) != "aim" || m.goal.judge(m.goal.must) == "MISSED" {
			t.Errorf("%s: must %v, aim %v", m.id, m.goal.must, m.goal.aim)
		}
	}
}

func TestOnlyChoosesMetricsAndWhatTheyAreMadeFrom(t *testing.T) {
	s := settings{only: regexp.MustCompile("^size/growth$")}
	for prefix, want := range map[string]bool{
		"size/3000/": true, "size/1000/": true, "size/1000/startcpu": true,
		"size/1000/reload": false, "size/10/": false, "spawn/": false, "": true,
	} {
		if got := s.wants(prefix); got != want {
			t.Errorf("wants(%q) = %v, want %v", prefix, got, want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args   []string
		rounds int
		ok     bool
	}{
		{nil, 3, true},
		{[]string{"-quick"}, 1, true},
		{[]string{"-quick", "-rounds", "2"}, 2, true},
		{[]string{"-only", "^spawn/"}, 3, true},
		{[]string{"-only", "nothing like it"}, 0, false},
		{[]string{"-only", "("}, 0, false},
		{[]string{"-rounds", "-1"}, 0, false},
		{[]string{"-rounds", "101"}, 0, false},
		{[]string{"word"}, 0, false},
		{[]string{"-unknown"}, 0, false},
	} {
		s, err := parse(c.args)
		if (err == nil) != c.ok || c.ok && s.rounds != c.rounds {
			t.Errorf("parse(%q) gives %d rounds and error %v", c.args, s.rounds, err)
		}
	}
}
