#include "go_asm.h"
#include "textflag.h"

// abort handles SIGABRT. It runs on the thread's stack for signals and uses nothing
// of Go, which stands still. If the program cannot be executed, the end is that of a
// panic.
TEXT abort<>(SB), NOSPLIT|NOFRAME, $0
	MOVD	·atAbort(SB), R20
	MOVD	reporter_words(R20), R0
	MOVD	$2, R1	// F_SETFD
	MOVD	$0, R2
	MOVD	$25, R8	// fcntl
	SVC
	MOVD	reporter_held(R20), R0
	MOVD	$2, R1
	MOVD	$0, R2
	MOVD	$25, R8
	SVC
	MOVD	$2, R0	// SIG_SETMASK
	ADD	$reporter_mask, R20, R1
	MOVD	$0, R2
	MOVD	$8, R3
	MOVD	$135, R8	// rt_sigprocmask
	SVC
	MOVD	reporter_program(R20), R0
	MOVD	reporter_empty(R20), R1
	MOVD	reporter_argv(R20), R2
	MOVD	reporter_env(R20), R3
	MOVD	$0x1000, R4	// AT_EMPTY_PATH
	MOVD	$281, R8	// execveat
	SVC
	MOVD	$2, R0
	MOVD	$94, R8	// exit_group
	SVC
	BRK

// func abortHandler() uintptr
TEXT ·abortHandler(SB), NOSPLIT, $0-8
	MOVD	$abort<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET
