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
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "devices/nvme.h"
#include "port.h"

#define SYSFS "/sys/bus/pci/devices/"
#define CHUNK (128u << 10)

/* What is read when nothing else is asked for: some of every other MiB */
#define NR_READS 32u
#define READ_STRIDE (2u << 20)

/* A lost command is missed after 3 s, not 30 */
#define TIMEOUTS "io_timeout=3 admin_timeout=3"

#define COMMAND_MEMORY 2

/* What there is to say, whether it went well or not */
static char text[160];

static const char *failed(const char *what)
{
	snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	return text;
}

/* The kernel's file of all ports: with iopl(), CPUs that QEMU emulates may refuse */
static int ports;

static void say(const char *word)
{
	while (*word)
		if (pwrite(ports, word++, 1, COMMAND_PORT) != 1)
			perror("init: /dev/port");
}

static void hear(char *line, size_t size)
{
	size_t got = 0;
	char byte;

	while (pread(ports, &byte, 1, COMMAND_PORT) == 1 && byte != '\n') {
		if (!byte)
			usleep(20000);
		else if (got < size - 1)
			line[got++] = byte;
	}
	line[got] = 0;
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
}

/* The disk, past the page cache; it is there when the driver has looked at it */
static int open_disk(void)
{
	static int disk = -1;
	int tries;

	for (tries = 0; disk < 0 && tries < 1200; tries++) {
		disk = open("/dev/nvme0n1", O_RDWR | O_DIRECT | O_CLOEXEC);
		if (disk < 0)
			disk = open("/dev/nvme1n1", O_RDWR | O_DIRECT | O_CLOEXEC);
		if (disk < 0)
			usleep(100000);
	}
	return disk;
}

static const char *read_chunk(uint64_t *to, uint64_t at, uint64_t first_word)
{
	uint64_t i;

	if (pread(open_disk(), to, CHUNK, (off_t)at) != CHUNK)
		return failed("reading");
	for (i = 0; i < CHUNK / 8; i++)
		if (to[i] != first_word + i * 8) {
			snprintf(text, sizeof(text), "at %" PRIu64 " it reads %#" PRIx64,
				 at + i * 8, to[i]);
			return text;
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

static const char *read_some(unsigned int nr)
{
	const char *why = NULL;
	unsigned int i;

	for (i = 0; i < nr && !why; i++) {
		uint64_t at = (uint64_t)i * READ_STRIDE + CHUNK;

		why = read_chunk(buffer(), at, NVME_DISK_WORD(at));
	}
	return why;
}

static const char *do_read(void)
{
	snprintf(text, sizeof(text), "%u KiB read, as they should be", NR_READS * CHUNK >> 10);
	return read_some(NR_READS);
}

static const char *do_write(void)
{
	const char *why = NULL;
	uint64_t at, i;

	for (at = WRITTEN_AT; at < WRITTEN_AT + WRITTEN_SIZE; at += CHUNK) {
		uint64_t *words = buffer();

		for (i = 0; i < CHUNK / 8; i++)
			words[i] = WRITTEN_WORD(at + i * 8);
		if (pwrite(open_disk(), words, CHUNK, (off_t)at) != CHUNK)
			return failed("writing");
	}
	if (fsync(open_disk()))
		return failed("flushing");
	snprintf(text, sizeof(text), "%u KiB written, flushed and read", WRITTEN_SIZE >> 10);
	for (at = WRITTEN_AT; at < WRITTEN_AT + WRITTEN_SIZE && !why; at += CHUNK)
		why = read_chunk(buffer(), at, WRITTEN_WORD(at));
	return why;
}

static const char *put_one(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		return failed(path);
	close(fd);
	return NULL;
}

/* The kernel's own way: the driver gets ready, and starts anew afterwards */
static const char *do_reset(void)
{
	const char *why = put_one(SYSFS GUEST_DISK "/reset");

	strcpy(text, "the driver has reset it and reads");
	return why ? why : read_some(4);
}

/* Behind the driver's back: it finds the device dead, and has it enabled again */
static const char *do_memory_off(void)
{
	int fd = open(SYSFS GUEST_DISK "/config", O_RDWR | O_CLOEXEC);
	uint8_t command = 0;
	const char *why;

	if (fd < 0 || pread(fd, &command, 1, 4) != 1)
		return failed("config");
	command &= (uint8_t)~COMMAND_MEMORY;
	if (pwrite(fd, &command, 1, 4) != 1)
		return failed("config");
	strcpy(text, "the driver has found out, reset it and reads");
	why = read_some(4);
	if (pread(fd, &command, 1, 4) != 1 || !(command & COMMAND_MEMORY))
		why = "reads work with memory off";
	close(fd);
	return why;
}

/*
 * Memory of the other controller, which the kernel's driver has found in its BAR and
 * made pages of: the disk's controller reads into them without the guest's RAM.
 */
static const char *do_p2p(void)
{
	int fd = open(SYSFS GUEST_CMB "/p2pmem/allocate", O_RDWR | O_CLOEXEC);
	const char *why = NULL;
	unsigned int i;
	uint64_t *bar;

	if (fd < 0)
		return failed("memory for peers");
	bar = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		return failed("memory for peers");
	snprintf(text, sizeof(text), "%u KiB from %s to the BAR of %s", 4 * CHUNK >> 10,
		 GUEST_DISK, GUEST_CMB);
	for (i = 0; !why && i < 4; i++) {
		uint64_t at = (3 * i + 7) * CHUNK;

		bar[0] = 0;
		bar[CHUNK / 8 - 1] = 0;
		why = read_chunk(bar, at, NVME_DISK_WORD(at));
	}
	munmap(bar, CHUNK);
	close(fd);
	return why;
}

/* What a user does before pulling a device out */
static const char *do_remove(void)
{
	strcpy(text, "its driver has let go");
	return put_one(SYSFS GUEST_CMB "/remove");
}

static const char *do_rescan(void)
{
	const char *why = put_one("/sys/bus/pci/rescan");

	strcpy(text, "the bus has " GUEST_DISK " and no " GUEST_CMB);
	if (!why && (access(SYSFS GUEST_CMB, F_OK) == 0 || access(SYSFS GUEST_DISK, F_OK)))
		why = "the bus has other devices";
	return why;
}

static const struct {
	const char *name;
	const char *(*run)(void);
} commands[] = {
	{ "read", do_read }, { "write", do_write }, { "reset", do_reset },
	{ "memory-off", do_memory_off }, { "p2p", do_p2p },
	{ "remove", do_remove }, { "rescan", do_rescan },
};

int main(void)
{
	/* A variable that the kernel does not know is for us */
	char *steps = getenv("steps"), *step;
	const char *why;
	char line[32];
	size_t i;

	mkdir("/dev", 0755);
	mkdir("/sys", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	ports = open("/dev/port", O_RDWR | O_CLOEXEC);
	if (ports < 0)
		return 1;
	load_modules();
	strcpy(text, "its driver has the disk");
	why = open_disk() < 0 ? "there is no disk" : NULL;
	for (;;) {
		say(why ? "failed " : "ok ");
		say(why ? why : text);
		say("\n");
		step = strsep(&steps, ",");
		if (step)
			snprintf(line, sizeof(line), "%s", step);
		else
			hear(line, sizeof(line));
		why = "there is no such command";
		for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (!strcmp(line, commands[i].name))
				why = commands[i].run();
	}
}
