// Package verdict holds the actions of one step against what was demanded of it and what
// was allowed (Observation), and names the rule that is broken (Violation). It knows
// which rules there are, and demands nothing by itself.
package verdict
