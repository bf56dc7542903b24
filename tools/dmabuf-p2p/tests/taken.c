// SPDX-License-Identifier: GPL-2.0
/*
 * Notes of devices that were taken, in a folder that stands for /
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taken.h"
#include "tap.h"

#define ADDR "0000:01:00.0"

static char root[] = "/tmp/taken-test.XXXXXX";

static int claim(const char *driver, struct taken *was)
{
	return taken_claim(root, ADDR, driver, driver ? "" : NULL, was);
}

/* A process that has taken the device and waits */
static pid_t start_taker(const char *driver)
{
	int pipes[2];
	char byte = 0;
	pid_t pid;

	fflush(NULL);
	if (pipe(pipes))
		abort();
	pid = fork();
	if (!pid) {
		struct taken was;

		byte = (char)(1 - claim(driver, &was));
		if (write(pipes[1], &byte, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	if (read(pipes[0], &byte, 1) != 1 || byte != 1)
		printf("# the taker: %d\n", byte);
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static ssize_t listed(struct taken *first)
{
	ssize_t nr;
	struct taken *list = taken_list(root, &nr);

	if (nr > 0)
		*first = list[0];
	free(list);
	return nr;
}

static void test_claims(void)
{
	struct taken was;
	siginfo_t info;
	pid_t pid;

	tap_ok(!listed(&was) && !claim(NULL, &was), "nothing is noted");
	pid = start_taker("nvme");
	tap_ok(listed(&was) == 1 && was.alive && was.pid == pid &&
		       !strcmp(was.driver, "nvme") && !was.override[0] &&
		       !strcmp(was.addr, ADDR), "what a process has is noted");
	tap_ok(claim("vfio-pci", &was) == -EBUSY && was.pid == pid,
	       "nobody else takes it");
	taken_forget(root, ADDR);
	tap_ok(listed(&was) == 1, "nobody else forgets it");

	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	tap_ok(listed(&was) == 1 && !was.alive, "a zombie has nothing");
	end(pid);
	tap_ok(listed(&was) == 1 && !was.alive && was.pid == pid,
	       "it was killed: the note stays");
	tap_ok(claim("vfio-pci", &was) == 1 && !strcmp(was.driver, "nvme"),
	       "the next one puts back what the first has found");
	tap_ok(listed(&was) == 1 && was.alive && was.pid == getpid(),
	       "and that is noted");
	tap_ok(!claim("vfio-pci", &was), "to take it again is no change");
	taken_forget(root, ADDR);
	tap_ok(!listed(&was), "it has put it back");
}

/* A process of that number that began at another time */
static void test_number(void)
{
	char path[128], text[128];
	struct taken was;
	FILE *file;

	taken_claim(root, ADDR, "nvme", "", &was);
	snprintf(path, sizeof(path), "%s" TAKEN_FOLDER "/" ADDR, root);
	snprintf(text, sizeof(text),
		 "pid %d start 1\ndriver=nvme override=- end\n", getpid());
	file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file))
		abort();
	tap_ok(listed(&was) == 1 && !was.alive,
	       "a process with the number of one that was killed");
	file = fopen(path, "we");
	if (!file || fputs("pid 1 start", file) < 0 || fclose(file))
		abort();
	tap_ok(!listed(&was) && claim(NULL, &was) == -EBADMSG,
	       "what is no note is not believed");
	unlink(path);
}

static void test_strangers(void)
{
	char folder[128], note[160], elsewhere[128];
	struct taken was;

	snprintf(folder, sizeof(folder), "%s" TAKEN_FOLDER, root);
	snprintf(note, sizeof(note), "%s/" ADDR, folder);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", root);

	close(open(elsewhere, O_CREAT | O_WRONLY, 0600));
	if (symlink(elsewhere, note))
		abort();
	tap_ok(!listed(&was) && claim("nvme", &was) <= 0 &&
		       !access(elsewhere, F_OK), "a link is not followed");
	unlink(note);
	unlink(elsewhere);

	chmod(folder, 0777);
	tap_ok(listed(&was) == -EPERM && claim("nvme", &was) == -EPERM,
	       "nor is a folder believed that others may write to");
	chmod(folder, 0755);
	unlink(note);
	snprintf(note, sizeof(note), "%s/lock", folder);
	unlink(note);
	rmdir(folder);
	mkdir(elsewhere, 0755);
	if (symlink(elsewhere, folder))
		abort();
	tap_ok(listed(&was) < 0 && claim("nvme", &was) < 0,
	       "nor one that is a link");
	unlink(folder);
	rmdir(elsewhere);
}

/* bind ends, and what it has noted is nobody's task but that of release */
static void test_kept(void)
{
	struct taken was, first;

	tap_ok(!taken_keep(root, ADDR, "nvme", "old") && listed(&first) == 1 &&
		       !first.pid && first.alive && !strcmp(first.driver, "nvme") &&
		       !strcmp(first.override, "old"),
	       "what bind has noted");
	tap_ok(!claim(NULL, &was) && listed(&first) == 1 && !first.pid,
	       "nobody takes that over");
	tap_ok(!claim("edu", &was) && listed(&first) == 1 && first.pid == getpid() &&
		       !strcmp(first.driver, "edu"),
	       "unless the device has another driver by now");
	tap_ok(taken_keep(root, ADDR, "nvme", "") == -EBUSY,
	       "bind keeps its hands off what is taken");
	taken_forget(root, ADDR);
	tap_ok(!taken_keep(root, ADDR, "nvme", ""), "and has it after that");
	taken_forget(root, ADDR);
	tap_ok(!listed(&first), "release forgets it");
}

static bool is_kept(const char *driver, const char *override)
{
	struct taken first;

	return listed(&first) == 1 && !first.pid && !strcmp(first.driver, driver) &&
	       !strcmp(first.override, override);
}

/* Killed anywhere, and started again */
static void test_half(void)
{
	pid_t pid;

	tap_ok(!taken_keep(root, ADDR, NULL, NULL) && !listed(&(struct taken){ 0 }),
	       "what VFIO has, and of which nothing is known");
	taken_keep(root, ADDR, "nvme", "old");
	tap_ok(!taken_keep(root, ADDR, "nvme", "vfio-pci") && is_kept("nvme", "old"),
	       "a bind that was killed once it had written driver_override");
	tap_ok(!taken_keep(root, ADDR, "", "vfio-pci") && is_kept("nvme", "old"),
	       "or when the device had no driver");
	tap_ok(!taken_keep(root, ADDR, "edu", "vfio-pci") && is_kept("edu", ""),
	       "but another driver since is another driver");
	taken_forget(root, ADDR);
	tap_ok(!taken_keep(root, ADDR, "nvme", "vfio-pci") && is_kept("nvme", ""),
	       "the rule for udev has written driver_override before");
	taken_forget(root, ADDR);
	pid = start_taker("nvme");
	tap_ok(taken_keep(root, ADDR, NULL, NULL) == -EBUSY, "an export has it");
	end(pid);
	tap_ok(!taken_keep(root, ADDR, NULL, NULL) && is_kept("nvme", ""),
	       "one that was killed has left it: now it stays");
	taken_forget(root, ADDR);
}

/* Of one device, by a process that may be this one */
static void test_lock(void)
{
	int lock = taken_lock(root, ADDR), other = taken_lock(root, "0000:01:00.1"), one, status;
	pid_t pid;

	tap_ok(lock >= 0 && other >= 0, "two devices are locked");
	fflush(NULL);
	pid = fork();
	if (!pid) {
		/* Or it would have what it waits for */
		close(lock);
		one = taken_lock(root, ADDR);
		_exit(one < 0);
	}
	usleep(100000);
	tap_ok(!waitpid(pid, &status, WNOHANG), "somebody else waits for one");
	close(lock);
	tap_ok(waitpid(pid, &status, 0) == pid && !status, "and gets it");
	close(other);
}

static void remove_lock(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s" TAKEN_FOLDER "/%s", root, name);
	unlink(path);
}

int main(void)
{
	char path[128];

	/* Of this machine, for when processes began */
	if (!mkdtemp(root) || chdir(root) || mkdir("run", 0755) ||
	    symlink("/proc", "proc"))
		return 1;
	test_claims();
	test_kept();
	test_half();
	test_lock();
	remove_lock("changes");
	test_number();
	test_strangers();
	unlink("proc");
	rmdir("run");
	if (chdir("/"))
		return 1;
	snprintf(path, sizeof(path), "%s", root);
	tap_ok(!rmdir(path), "nothing is left");
	return tap_end();
}
