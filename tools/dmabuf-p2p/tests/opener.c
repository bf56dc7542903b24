// SPDX-License-Identifier: GPL-2.0
/*
 * Whether it is found who has a device's file open, however he has it: /dev/full,
 * which nobody else has open, and /dev/zero for what is to be mapped
 *
 * /proc is this machine's, but in its list are process 1 and the one in question only.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opener.h"
#include "tap.h"

#define THREADS 64
#define FILES 50

static char list[] = "/tmp/opener.XXXXXX";
static int ready[2];
static struct opener opener;
static pid_t last;
/* Who looks is another process */
static unsigned int *links;
static bool *hangs;

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
ssize_t __real_readlink(const char *path, char *buf, size_t size);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);

DIR *__wrap_opendir(const char *path)
{
	/* Behind who waits for a server with his mappings locked */
	while (*hangs && strstr(path, "/map_files") && strncmp(path, "/proc/1/", 8))
		pause();
	return __real_opendir(strcmp(path, "/proc") ? path : list);
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	*links += strstr(path, "/fd/") && strncmp(path, "/proc/1/", 8);
	return __real_readlink(path, buf, size);
}

static void say(void)
{
	if (write(ready[1], "", 1) != 1)
		_exit(1);
}

static void *wait_for_ever(void *arg)
{
	say();
	for (;;)
		pause();
	return arg;
}

static void *own_files(void *arg)
{
	if (unshare(CLONE_FILES) || open("/dev/full", O_RDWR | O_CLOEXEC) < 0)
		_exit(1);
	return wait_for_ever(arg);
}

static void start(void *(*fn)(void *arg))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, NULL))
		_exit(1);
}

static void has_it(void)
{
	open("/dev/full", O_RDWR | O_CLOEXEC);
	say();
}

static void first_thread_ends(void)
{
	open("/dev/full", O_RDWR | O_CLOEXEC);
	start(wait_for_ever);
	pthread_exit(NULL);
}

static void thread_has_it(void)
{
	start(own_files);
}

/* Of one's own it is a mapping of that file, not of memory without a name */
static void map(void)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);

	if (mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		_exit(1);
	close(fd);
}

static void maps_it(void)
{
	map();
	say();
}

static void maps_it_and_ends(void)
{
	map();
	start(wait_for_ever);
	pthread_exit(NULL);
}

static void has_many(void)
{
	unsigned int i;

	for (i = 0; i < FILES; i++)
		if (dup(STDERR_FILENO) < 0)
			exit(1);
	for (i = 0; i < THREADS; i++)
		start(wait_for_ever);
}

static void in_list(const char *name, bool is)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", list, name);
	if (is ? mkdir(path, 0700) : rmdir(path))
		exit(1);
}

/* The first thread of a process that has others */
static void wait_until_ended(pid_t pid)
{
	char path[64], text[256], *rest;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		usleep(1000);
		file = fopen(path, "re");
		if (!file || !fgets(text, sizeof(text), file))
			exit(1);
		fclose(file);
		rest = strrchr(text, ')');
	} while (!rest || rest[2] != 'Z');
}

/* Return: opener_find() while a process has done @fn, and said so so many times */
static int find(const char *device, void (*fn)(void), unsigned int times)
{
	char name[16], byte;
	struct stat st;
	pid_t pid;
	int ret;

	if (stat(device, &st) || pipe2(ready, O_CLOEXEC))
		exit(1);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn();
		for (;;)
			pause();
	}
	close(ready[1]);
	while (times--)
		if (read(ready[0], &byte, 1) != 1)
			exit(1);
	close(ready[0]);
	if (fn == first_thread_ends || fn == maps_it_and_ends)
		wait_until_ended(pid);
	last = pid;
	snprintf(name, sizeof(name), "%d", pid);
	in_list(name, true);
	*links = 0;
	ret = opener_find("", &st.st_rdev, 1, &opener);
	if (ret == 1 && opener.pid != pid)
		ret = -1;
	in_list(name, false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ret;
}

/* Who may not look behind mappings has to be told so */
static bool finds_map(void (*fn)(void))
{
	char path[320], *name = NULL;
	struct dirent *entry;
	int ret = find("/dev/zero", fn, 1);
	DIR *dir = opendir("/proc/self/map_files");
	struct stat st;

	while (!name && dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			name = entry->d_name;
	snprintf(path, sizeof(path), "/proc/self/map_files/%s", name ? name : "");
	if (!name || stat(path, &st))
		return ret < 0;
	closedir(dir);
	return ret == 1 && opener.number == -1;
}

/*
 * A machine that stands still for as long as anybody is waited for has the search end at
 * process 1, of which there is no more to say than that
 */
static bool names_who_hangs(void)
{
	int attempt, ret;

	for (attempt = 0; attempt < 3; attempt++) {
		ret = find("/dev/full", say, 1);
		if (ret == -ETIMEDOUT && opener.pid == last)
			return true;
		printf("# %s, at process %d instead of %d\n",
		       ret < 0 ? strerror(-ret) : "it ended", opener.pid, last);
		if (ret != -ETIMEDOUT)
			break;
	}
	return false;
}

int main(void)
{
	links = mmap(NULL, 2 * sizeof(*links), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (links == MAP_FAILED || !mkdtemp(list))
		return 1;
	hangs = (bool *)(links + 1);
	in_list("1", true);
	tap_ok(find("/dev/full", say, 1) != 1, "a process that does not have it open");
	tap_ok(find("/dev/full", has_it, 1) == 1 && opener.number >= 0 &&
		       opener.tid == opener.pid, "one that has");
	tap_ok(find("/dev/full", first_thread_ends, 1) == 1 &&
		       opener.tid != opener.pid, "one whose first thread has ended");
	tap_ok(find("/dev/full", thread_has_it, 1) == 1 && opener.tid != opener.pid,
	       "one of whose threads has files of its own");
	tap_ok(finds_map(maps_it), "one that has mapped it and closed it");
	tap_ok(finds_map(maps_it_and_ends), "whose first thread has ended, too");
	find("/dev/full", has_many, THREADS);
	tap_ok(*links < 3 * FILES ||
		       syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILES, 0, 0),
	       "files that threads share are looked at once");
	*hangs = true;
	tap_ok(names_who_hangs(),
	       "who waits for ever with his mappings locked is not waited for");
	tap_ok(waitpid(-1, NULL, 0) > 0 || errno == ECHILD, "and nobody is left that does");
	in_list("1", false);
	rmdir(list);
	return tap_end();
}
