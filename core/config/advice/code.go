package advice

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
)

// Code is the name of a kind of advice. It does not change from release to
// release; docs/diagnostics.md explains each.
type Code string

// The codes. The check that uses a code documents it.
const (
	CarriageReturn Code = "carriage-return"
	NULByte        Code = "nul-byte"
	InvalidUTF8    Code = "invalid-utf8"
	OddCharacter   Code = "odd-character"

	SwallowedParameter  Code = "swallowed-parameter"
	CommentedParameter  Code = "commented-parameter"
	MisspeltParameter   Code = "misspelt-parameter"
	MisspeltReference   Code = "misspelt-reference"
	MisspeltRestriction Code = "misspelt-restriction"
	RepeatedParameter   Code = "repeated-parameter"
	OddName             Code = "odd-name"
	OwnParameter        Code = "own-parameter"
	BrokenMacro         Code = "broken-macro"
	InlineComment       Code = "inline-comment"
	TimeSuffix          Code = "time-suffix"
	OddLevel            Code = "odd-level"
	DisablePattern      Code = "disable-pattern"
	DaemonDirectory     Code = "daemon-directory"
	QueueDirectory      Code = "queue-directory"
	DataDirectory       Code = "data-directory"
	LogFile             Code = "log-file"
	JournalFile         Code = "journal-file"

	NoServices         Code = "no-services"
	SwallowedEntry     Code = "swallowed-entry"
	CommentedEntry     Code = "commented-entry"
	DashName           Code = "dash-name"
	OddNumber          Code = "odd-number"
	PostfixRefuses     Code = "postfix-refuses"
	PortRange          Code = "port-range"
	PortZero           Code = "port-zero"
	PortTaken          Code = "port-taken"
	SameAddress        Code = "same-address"
	CoveredAddress     Code = "covered-address"
	ForeignAddress     Code = "foreign-address"
	SamePath           Code = "same-path"
	LongPath           Code = "long-path"
	ShiftedColumns     Code = "shifted-columns"
	UnknownCommand     Code = "unknown-command"
	NotAProgram        Code = "not-a-program"
	NotExecutable      Code = "not-executable"
	WrongLimit         Code = "wrong-limit"
	NeedsPrivileges    Code = "needs-privileges"
	CannotChroot       Code = "cannot-chroot"
	MissingWakeup      Code = "missing-wakeup"
	UselessWakeup      Code = "useless-wakeup"
	WrongPrivacy       Code = "wrong-privacy"
	MissingService     Code = "missing-service"
	MissingHelper      Code = "missing-helper"
	DisabledService    Code = "disabled-service"
	OverrideSyntax     Code = "override-syntax"
	UnknownOption      Code = "unknown-option"
	StrayArgument      Code = "stray-argument"
	MisspeltOverride   Code = "misspelt-override"
	UnreadOverride     Code = "unread-override"
	RepeatedOverride   Code = "repeated-override"
	UnclosedBrace      Code = "unclosed-brace"
	MissingAttribute   Code = "missing-attribute"
	BadAttribute       Code = "bad-attribute"
	BadValue           Code = "bad-value"
	WrongName          Code = "wrong-name"
	BrokenProgram      Code = "broken-program"
	MissingInterpreter Code = "missing-interpreter"
	NoInterpreter      Code = "no-interpreter"
)

// codes are all of them, sorted by their texts.
var codes = [...]Code{
	BadAttribute,
	BadValue,
	BrokenMacro,
	BrokenProgram,
	CannotChroot,
	CarriageReturn,
	CommentedEntry,
	CommentedParameter,
	CoveredAddress,
	DaemonDirectory,
	DashName,
	DataDirectory,
	DisablePattern,
	DisabledService,
	ForeignAddress,
	InlineComment,
	InvalidUTF8,
	JournalFile,
	LogFile,
	LongPath,
	MissingAttribute,
	MissingHelper,
	MissingInterpreter,
	MissingService,
	MissingWakeup,
	MisspeltOverride,
	MisspeltParameter,
	MisspeltReference,
	MisspeltRestriction,
	NeedsPrivileges,
	NoInterpreter,
	NoServices,
	NotAProgram,
	NotExecutable,
	NULByte,
	OddCharacter,
	OddLevel,
	OddName,
	OddNumber,
	OverrideSyntax,
	OwnParameter,
	PortRange,
	PortTaken,
	PortZero,
	PostfixRefuses,
	QueueDirectory,
	RepeatedOverride,
	RepeatedParameter,
	SameAddress,
	SamePath,
	ShiftedColumns,
	StrayArgument,
	SwallowedEntry,
	SwallowedParameter,
	TimeSuffix,
	UnclosedBrace,
	UnknownCommand,
	UnknownOption,
	UnreadOverride,
	UselessWakeup,
	WrongLimit,
	WrongName,
	WrongPrivacy,
}

// severity is Error where Postfix can no longer be started or reloaded, Warning
// where mail suffers or a setting has no effect, Info where all works as
// written.
func (code Code) severity() core.Severity {
	switch code {
	case PostfixRefuses, BrokenMacro:
		return core.Error
	case MissingHelper, NoInterpreter, OwnParameter, RepeatedParameter, UnreadOverride:
		return core.Info
	}
	return core.Warning
}

// repeats are the codes that say what core/config says as Info too.
var repeats = map[Code]bool{NULByte: true, OddNumber: true, PostfixRefuses: true, PortRange: true, SameAddress: true}

// Codes returns all codes, sorted.
func Codes() []Code { return slices.Clone(codes[:]) }
