// SPDX-License-Identifier: GPL-2.0
/*
 * A process that ends by _exit(), as a child that answers a question and a signal handler
 * do, leaves without writing what gcov has counted. Linked with -Wl,--wrap=_exit.
 */
void __gcov_dump(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}
