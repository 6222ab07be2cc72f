#include "go_asm.h"
#include "textflag.h"

// abort handles SIGABRT. It runs on the thread's stack for signals and uses nothing
// of Go, which stands still. If the program cannot be executed, the end is that of a
// panic.
TEXT abort<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ	·atAbort(SB), R12
	MOVQ	reporter_words(R12), DI
	MOVQ	$2, SI	// F_SETFD
	XORL	DX, DX
	MOVQ	$72, AX	// fcntl
	SYSCALL
	MOVQ	reporter_held(R12), DI
	MOVQ	$2, SI
	XORL	DX, DX
	MOVQ	$72, AX
	SYSCALL
	MOVQ	$2, DI	// SIG_SETMASK
	LEAQ	reporter_mask(R12), SI
	XORL	DX, DX
	MOVQ	$8, R10
	MOVQ	$14, AX	// rt_sigprocmask
	SYSCALL
	MOVQ	reporter_program(R12), DI
	MOVQ	reporter_empty(R12), SI
	MOVQ	reporter_argv(R12), DX
	MOVQ	reporter_env(R12), R10
	MOVQ	$0x1000, R8	// AT_EMPTY_PATH
	MOVQ	$322, AX	// execveat
	SYSCALL
	MOVQ	$2, DI
	MOVQ	$231, AX	// exit_group
	SYSCALL
	INT	$3

// func abortHandler() uintptr
TEXT ·abortHandler(SB), NOSPLIT, $0-8
	LEAQ	abort<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
