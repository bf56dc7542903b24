// SPDX-License-Identifier: GPL-2.0
/*
 * Two I/O ports by which the program in the guest is told what to do and answers, in
 * lines of text; and the serial port of its kernel's console, which only goes out
 *
 * Not a device to imitate: a guest has better ones. It has nothing to do with how
 * devices are assigned, and these lines are all that it takes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "devices/sysfs.h"
#include "fail.h"
#include "machine.h"
#include "port.h"

#define SERIAL 0x3f8
#define SERIAL_STATUS (SERIAL + 5)
#define SERIAL_IDLE 0x60

/* All ones, Linux would wait for minutes for this clock to end its update */
#define CLOCK 0x71

static FILE *console;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* To the guest, from the guest, and what of its next line has come so far */
static char command[32], reply[256], partial[256];
static size_t taken, filled;

void port_console(const char *path)
{
	console = fopen(path, "we");
	if (!console)
		fail(NULL, "%s: %s", path, strerror(errno));
}

/* A line that nobody waits for is lost: each command has one reply */
static void from_guest(char byte)
{
	if (byte != '\n') {
		if (filled < sizeof(partial) - 1)
			partial[filled++] = byte;
		return;
	}
	partial[filled] = 0;
	pthread_mutex_lock(&lock);
	strcpy(reply, partial);
	pthread_mutex_unlock(&lock);
	filled = 0;
}

/* 0 if there is nothing */
static uint8_t to_guest(void)
{
	uint8_t byte;

	pthread_mutex_lock(&lock);
	byte = (uint8_t)command[taken];
	if (byte)
		taken++;
	pthread_mutex_unlock(&lock);
	return byte;
}

void port_access(uint16_t port, uint8_t *data, unsigned int size, bool is_write)
{
	if (size != 1)
		return;
	if (port == SERIAL && is_write && console) {
		putc(*data, console);
		if (*data == '\n')
			fflush(console);
	} else if (port == SERIAL_STATUS && !is_write) {
		*data = SERIAL_IDLE;
	} else if (port == CLOCK && !is_write) {
		*data = 0;
	} else if (port == COMMAND_PORT && is_write) {
		from_guest((char)*data);
	} else if (port == COMMAND_PORT) {
		*data = to_guest();
	}
}

void port_reset(void)
{
	reply[0] = command[0] = 0;
	filled = taken = 0;
}

void port_command(const char *line)
{
	pthread_mutex_lock(&lock);
	reply[0] = 0;
	taken = 0;
	snprintf(command, sizeof(command), "%s\n", line);
	pthread_mutex_unlock(&lock);
}

bool port_reply(char *line, size_t size, unsigned int seconds)
{
	uint64_t until = now_ms() + seconds * 1000ull;
	bool got;

	do {
		usleep(10000);
		pthread_mutex_lock(&lock);
		got = reply[0];
		snprintf(line, size, "%s", reply);
		reply[0] = 0;
		pthread_mutex_unlock(&lock);
	} while (!got && now_ms() < until);
	return got;
}
