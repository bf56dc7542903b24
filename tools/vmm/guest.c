// SPDX-License-Identifier: GPL-2.0
/*
 * /init of the guest: loads the kernel's nvme driver, and does with the disk what the
 * VMM says. It knows nothing of how it got its devices.
 *
 * Commands are lines from %COMMAND_PORT, and have one line of reply each: "ok" or
 * "failed", and what there is to say.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "devices/nvme.h"
#include "port.h"

#define SYSFS "/sys/bus/pci/devices/"
#define CHUNK (128u << 10)

/* What is read when nothing else is asked for: some of every MiB */
#define NR_READS 32u
#define READ_STRIDE (2u << 20)

/* A lost command is missed after 3 s, not 30 */
#define TIMEOUTS "io_timeout=3 admin_timeout=3"

static void say(const char *line)
{
	while (*line)
		outb((unsigned char)*line++, COMMAND_PORT);
	outb('\n', COMMAND_PORT);
}

static void reply(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void reply(bool ok, const char *fmt, ...)
{
	char text[160], line[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(line, sizeof(line), "%s %s", ok ? "ok" : "failed", text);
	say(line);
}

static void hear(char *line, size_t size)
{
	size_t got = 0;
	char byte;

	for (;;) {
		byte = (char)inb(COMMAND_PORT);
		if (byte == '\n')
			break;
		if (!byte)
			usleep(20000);
		else if (got < size - 1)
			line[got++] = byte;
	}
	line[got] = 0;
}

static uint64_t ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int put(const char *path, off_t at, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = pwrite(fd, data, size, at) == (ssize_t)size ? 0 : -errno;
	close(fd);
	return ret;
}

static void load_modules(void)
{
	FILE *list = fopen("/modules", "r");
	char name[128];

	while (list && fscanf(list, "%127s", name) == 1) {
		const char *parameters = strstr(name, "nvme-core.ko") ? TIMEOUTS : "";
		int fd = open(name, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || (syscall(SYS_finit_module, fd, parameters, 0) && errno != EEXIST))
			fprintf(stderr, "init: %s: %s\n", name, strerror(errno));
		close(fd);
	}
	if (list)
		fclose(list);
}

/* The disk, opened past the page cache; it is there when the driver has looked at it */
static int open_disk(void)
{
	static int disk = -1;
	char path[64];
	glob_t found;
	int tries;

	for (tries = 0; disk < 0 && tries < 1200; tries++) {
		if (!glob(SYSFS GUEST_DISK "/nvme/nvme*/nvme*n1", 0, NULL, &found)) {
			snprintf(path, sizeof(path), "/dev/%s",
				 strrchr(found.gl_pathv[0], '/') + 1);
			disk = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
			globfree(&found);
		}
		if (disk < 0)
			usleep(100000);
	}
	return disk;
}

/* Return: what is wrong, or NULL */
static const char *read_chunk(uint64_t *to, uint64_t at, uint64_t first_word)
{
	static char why[160];
	uint64_t i;
	ssize_t got;

	got = pread(open_disk(), to, CHUNK, (off_t)at);
	if (got != CHUNK) {
		snprintf(why, sizeof(why), "reading at %" PRIu64 ": %s", at,
			 got < 0 ? strerror(errno) : "too little");
		return why;
	}
	for (i = 0; i < CHUNK / 8; i++)
		if (to[i] != first_word + i * 8) {
			snprintf(why, sizeof(why), "at %" PRIu64 " it is %#" PRIx64, at + i * 8,
				 to[i]);
			return why;
		}
	return NULL;
}

static uint64_t *buffer(void)
{
	static uint64_t *memory;

	if (!memory)
		memory = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(memory, 0, CHUNK);
	return memory;
}

/* Return: what is wrong, or NULL */
static const char *read_some(unsigned int nr)
{
	const char *why = NULL;
	unsigned int i;

	for (i = 0; i < nr && !why; i++) {
		uint64_t at = i % NR_READS * READ_STRIDE + CHUNK;

		why = read_chunk(buffer(), at, NVME_DISK_WORD(at));
	}
	return why;
}

static void do_read(void)
{
	const char *why = read_some(NR_READS);

	if (why)
		reply(false, "%s", why);
	else
		reply(true, "%u KiB read, as they should be", NR_READS * CHUNK >> 10);
}

static void do_write(void)
{
	const char *why = NULL;
	uint64_t at, i;

	for (at = WRITTEN_AT; at < WRITTEN_AT + WRITTEN_SIZE && !why; at += CHUNK) {
		uint64_t *words = buffer();

		for (i = 0; i < CHUNK / 8; i++)
			words[i] = WRITTEN_WORD(at + i * 8);
		if (pwrite(open_disk(), words, CHUNK, (off_t)at) != CHUNK)
			why = strerror(errno);
	}
	if (!why && fsync(open_disk()))
		why = strerror(errno);
	for (at = WRITTEN_AT; at < WRITTEN_AT + WRITTEN_SIZE && !why; at += CHUNK)
		why = read_chunk(buffer(), at, WRITTEN_WORD(at));
	if (why)
		reply(false, "%s", why);
	else
		reply(true, "%u KiB written, flushed and read", WRITTEN_SIZE >> 10);
}

/* The kernel's own way: the driver gets ready, and starts anew afterwards */
static void do_reset(void)
{
	const char *why;
	int ret = put(SYSFS GUEST_DISK "/reset", 0, "1", 1);

	why = ret ? strerror(-ret) : read_some(4);
	if (why)
		reply(false, "%s", why);
	else
		reply(true, "the driver has reset it and reads");
}

/* Behind the driver's back: it finds the device dead, and has it enabled again */
static void do_memory_off(void)
{
	uint8_t command = 0;
	int fd = open(SYSFS GUEST_DISK "/config", O_RDWR | O_CLOEXEC);
	const char *why = NULL;

	if (fd < 0 || pread(fd, &command, 1, 4) != 1)
		why = strerror(errno);
	command &= (uint8_t)~2;
	if (!why && pwrite(fd, &command, 1, 4) != 1)
		why = strerror(errno);
	if (!why)
		why = read_some(4);
	if (!why && (pread(fd, &command, 1, 4) != 1 || !(command & 2)))
		why = "reads work with memory off";
	close(fd);
	if (why)
		reply(false, "%s", why);
	else
		reply(true, "the driver has found out, reset it and reads");
}

static void do_loop(unsigned int seconds)
{
	uint64_t until = ms() + seconds * 1000ull;
	const char *why = NULL;
	unsigned int nr = 0;

	while (!why && ms() < until)
		why = read_some(nr++ % 2 + 1);
	if (why)
		reply(false, "after %u reads %s", nr, why);
	else
		reply(true, "%u times read", nr);
}

/*
 * Memory of the other controller, which the kernel's driver has found in its BAR and
 * made pages of: the disk's controller reads into them without the guest's RAM.
 */
static void do_p2p(void)
{
	int fd = open(SYSFS GUEST_CMB "/p2pmem/allocate", O_RDWR | O_CLOEXEC);
	const char *why = NULL;
	unsigned int i;
	uint64_t *bar;

	if (fd < 0) {
		reply(false, "%s has no memory for peers: %s", GUEST_CMB, strerror(errno));
		return;
	}
	bar = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		why = strerror(errno);
	for (i = 0; !why && i < 4; i++) {
		uint64_t at = (3 * i + 7) * CHUNK;

		bar[0] = 0;
		bar[CHUNK / 8 - 1] = 0;
		why = read_chunk(bar, at, NVME_DISK_WORD(at));
	}
	close(fd);
	if (why)
		reply(false, "%s", why);
	else
		reply(true, "%u KiB from %s into the BAR of %s", i * CHUNK >> 10, GUEST_DISK,
		      GUEST_CMB);
}

static void do_command(const char *line)
{
	unsigned int seconds;

	if (!strcmp(line, "read"))
		do_read();
	else if (!strcmp(line, "write"))
		do_write();
	else if (!strcmp(line, "reset"))
		do_reset();
	else if (!strcmp(line, "memory-off"))
		do_memory_off();
	else if (sscanf(line, "loop %u", &seconds) == 1)
		do_loop(seconds);
	else if (!strcmp(line, "p2p"))
		do_p2p();
	else
		reply(false, "what is '%s'?", line);
}

int main(void)
{
	char line[128];

	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	if (iopl(3))
		return 1;
	load_modules();
	if (open_disk() < 0)
		reply(false, "there is no disk");
	else
		reply(true, "the guest's driver has a disk");
	for (;;) {
		hear(line, sizeof(line));
		do_command(line);
	}
}
