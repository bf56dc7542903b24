// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model of what makes a revoke safe: attach, map, unmap, move, revoke, restore, kill and
 * close of one buffer. tools/tests/model has spin try all interleavings.
 *
 * Steps have the names of the functions they stand for, in drivers/dma-buf/phys-list/
 * (state.c, buffer.c, attach.c, watch.c, mmap.c here; the importers are in files of their
 * own). What a spinlock protects is one step. Everything else is as fine as the code: locks
 * are taken and dropped, wait_event() queues, looks and sleeps. Nothing counts up, so each
 * process may do what it does any number of times. A buffer alternates between two places.
 *
 * Checked:
 *
 *	access		no device or CPU touches memory while it is revoked, from the return of
 *			the revoke on; nor the old place or the new one while bytes are copied
 *	mapped		nor is anything mapped when a revoke, a kill or a drain has returned
 *	freed		a list is not touched once freed, a buffer not once released
 *	told		when the reservation lock is free, each importer knows whether there
 *			is access, and where
 *	rest		when nothing happens anymore, importers that follow a restore have done
 *			so and watches have reported everything
 *	end		no process is stuck (spin: "invalid end state")
 *	ends		revoke, kill, move and detach return (LTL, if every process gets its turn)
 *
 * phys.pml has the instances. tools/tests/model has what each mistake, BROKEN=n, is found by.
 *
 * Left out: lists that are made on demand, groups and types, pins, dirty tracking, queries,
 * memory allocation for anything but a restore, and memory ordering, for which there is
 * litmus/. That includes what is looked at without a lock: sleepers, and areas of mmap().
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#define PLACES 2
#define NONE PLACES	/* no place */

mtype:state = { LIVE, REVOKED, DEAD };
mtype:event = { MOVE, REVOKE, RESTORE };
mtype:status = { OK, EINPROGRESS, ENOMEM };

/* struct dma_buf_phys */
mtype:state state = LIVE;
bool moving;
byte list = 0;			/* by its place */
byte nr_mapped[PLACES];
bool listed = true;		/* in the exporter's list of buffers */
byte nr_behind;
bool watch_news;		/* watch_seq differs from the seq of the watch */

/* struct dma_buf_phys_attachment */
bool attached[2];
mtype:status at_status = OK;	/* of importer 1, the only one that sets any */

/* Wait queues, as the set of those that sleep */
byte unmap_wait, watch_wait;

/* dma_resv: fences that have not signaled */
bool copy_fence;		/* usage KERNEL */
bool fence[2];			/* usage BOOKKEEP, of each importer */
bool sync_file;			/* usage READ, by a program, and signals never */

byte pte = NONE;		/* of a program that has mapped the dma-buf */
bool copy_started;

/* What nobody knows, for the properties */
bool taking;			/* a revoke, a kill or a move has been called */
bool leaving;			/* the importer is about to detach */
bool away;			/* a revoke has returned */
bool copying;
byte where = 0;			/* the place with the bytes */
bool told[2];
bool list_freed[PLACES];
bool released;
byte users = 3;			/* of the file: both importers, and a watch */

#define ACCESS(place)	assert(!away && !copying && (place) == where)	/* access */
#define READS(place)	assert((place) != NONE && !list_freed[place])	/* freed */

/* Anyone who waits may get a lock next. With FAIR it is first come, first served. */
#ifdef FAIR
#define leave(l)	leaving = l
#define LOCK(l)		chan l = [8] of { pid }
#define lock(l)		l!_pid; l?[eval(_pid)]
#define unlock(l)	l?eval(_pid)
#else
#define leave(l)	skip
#define LOCK(l)		bool l
#define lock(l)		atomic { !l -> l = true }
#define unlock(l)	l = false
#endif

LOCK(resv);
LOCK(exporter_lock);		/* VFIO: memory_lock and dmabuf_state.lock */

#define dma_resv_lock()	lock(resv)
inline dma_resv_unlock()
{
	atomic {
		assert(!attached[0] || told[0] || MAPS_LATE(0));	/* told */
		assert(!attached[1] || told[1] || MAPS_LATE(1));
		assert(nr_behind == (attached[1] && at_status != OK));
		unlock(resv)
	}
}

/* wake_up_all(), if there is anybody to wake up */
#define wake_up_all(queue) queue = 0

/* wait_event() with a condition that is a single look */
inline wait_event(queue, condition)
{
	do
#if BROKEN == 10	/* looks first, queues then */
	:: condition -> break
	:: else -> queue = queue | (1 << me);
		!(queue & (1 << me))
#else
	:: queue = queue | (1 << me);	/* prepare_to_wait_event() */
		if
		:: condition -> queue = queue & ~(1 << me);
			break
		:: else -> !(queue & (1 << me))		/* schedule() */
		fi
#endif
	od
}

/*
 * buffer.c
 */

/* With the reservation lock; place is NONE afterwards if there was an error */
inline dma_buf_phys_map(place)
{
	if
#if BROKEN == 5	/* whatever the state is */
	:: list == NONE -> place = NONE
#else
	:: state != LIVE -> place = NONE		/* -ENODEV */
#endif
#if BROKEN != 6	/* also between the halves of a move */
	:: state == LIVE && moving -> place = NONE	/* -EBUSY */
#endif
	:: else -> d_step { READS(list); place = list; nr_mapped[place]++ }
	fi
}

/* dma_buf_phys_map_end() stores, then looks for sleepers */
inline dma_buf_phys_unmap(place)
{
#if BROKEN == 9	/* looks before it stores */
	woken = unmap_wait;
#endif
	d_step {
		READS(place);
		nr_mapped[place]--;
#if BROKEN == 9
		woken = woken && !nr_mapped[place]
#else
		woken = !nr_mapped[place]
#endif
	}
	d_step {
		if
		:: woken -> wake_up_all(unmap_wait)
		:: else
		fi;
		woken = false
	}
}

inline dma_buf_phys_list_free(place)
{
	atomic {
		assert(!nr_mapped[place]);	/* mapped */
		list_freed[place] = true
	}
}

inline dma_buf_phys_set_status(new)
{
	d_step {
		if
		:: state == LIVE && at_status != new ->
			nr_behind = nr_behind + (new != OK) - (at_status != OK);
			at_status = new;
			woken = new == ENOMEM || !nr_behind;
			watch_news = watch_news || woken
		:: else
		fi
	}
	if
#if BROKEN == 33	/* watches are not woken up */
	:: woken -> woken = false
#else
	:: woken -> wake_up_all(watch_wait); woken = false
#endif
	:: else
	fi
}

/*
 * state.c
 */

inline phys_set_state(new)
{
#if BROKEN == 11	/* wakes up watches before there is something to see */
	wake_up_all(watch_wait);
#endif
	d_step {
		if
		:: (state == LIVE && moving) || (state == LIVE) != (new == LIVE) ->
			told[0] = false; told[1] = false
		:: else
		fi;
#if BROKEN != 32	/* importers stay behind */
		nr_behind = 0;
#endif
		state = new;
		watch_news = true
	}
#if BROKEN != 11
	wake_up_all(watch_wait)
#endif
}

inline phys_notify_attachments(event)
{
	/* In the order in which they attached */
	left = 3;
	do
	:: left & 1 -> left = left & ~1; notify_0(event)
	:: left & 2 -> left = left & ~2; notify_1(event)
	:: !left -> break
	od
}

inline phys_zap_mmaps()
{
#if BROKEN != 28	/* programs keep their page table entries */
	pte = NONE
#else
	skip
#endif
}

#define fences_signaled_kernel	(!copy_fence)
#define fences_signaled_all	(!copy_fence && !fence[0] && !fence[1] && !sync_file)
#define stop_usage_kernel	(!(attached[0] && LEAVES_FENCES(0)) && \
				 !(attached[1] && LEAVES_FENCES(1)))

/* With phys_stop_usage() */
inline phys_wait_fences()
{
	if
	:: stop_usage_kernel -> fences_signaled_kernel
	:: else -> fences_signaled_all
	fi
}

inline phys_wait_unmapped(place)
{
	if
	:: place != NONE -> wait_event(unmap_wait, !nr_mapped[place])
	:: else
	fi
}

inline phys_take_access(new)
{
	dma_resv_lock();
	if
	:: state == LIVE ->
#if BROKEN == 7	/* importers are notified first */
		phys_notify_attachments(REVOKE);
		phys_set_state(new);
#else
		phys_set_state(new);
		phys_zap_mmaps();
		phys_notify_attachments(REVOKE);
#endif
#if BROKEN == 31	/* waits for those of programs, too */
		fences_signaled_all
#elif BROKEN != 1	/* no wait for fences */
		phys_wait_fences()
#endif
	:: else ->
		if
		:: new == DEAD && state != DEAD -> phys_set_state(DEAD)
		:: else
		fi
	fi;
	place = list;
#if BROKEN == 3	/* waits for mappings with the lock held */
	phys_wait_unmapped(place);
#endif
	dma_resv_unlock();
#if BROKEN != 2 && BROKEN != 3	/* no wait for mappings */
	phys_wait_unmapped(place);
#endif
	atomic {
		assert(nobody);			/* access */
		assert(!nr_mapped[0] && !nr_mapped[1]);	/* mapped */
		away = true
	}
}

inline dma_buf_phys_kill()
{
	phys_take_access(DEAD);
	dma_resv_lock();
	place = list;
	list = NONE;
	dma_resv_unlock();
	if
	:: place != NONE -> dma_buf_phys_list_free(place)
	:: else
	fi
}

inline dma_buf_phys_restore()
{
	dma_resv_lock();
	if
#if BROKEN == 34	/* also one that is dead */
	:: state != LIVE ->
#else
	:: state == REVOKED ->
#endif
		READS(list);	/* that of a dead buffer is gone */
		away = false;
		phys_set_state(LIVE);
		phys_notify_attachments(RESTORE)
	:: else
	fi;
	dma_resv_unlock()
}

inline dma_buf_phys_move()
{
	dma_resv_lock();
	if
	:: state != DEAD ->
		/* dma_buf_phys_move_begin() */
		d_step {
			place = list;
			list = 1 - place;
			list_freed[list] = false;
			moving = true
		}
		phys_set_state(state);
		if
		:: state == LIVE ->
			phys_zap_mmaps();
			phys_notify_attachments(MOVE)
		:: else
		fi;
#if BROKEN == 24	/* waits for those of programs, too */
		fences_signaled_all;
#elif BROKEN != 20	/* no wait for fences */
		phys_wait_fences();
#endif
		/* The exporter: bytes are copied by a device */
		atomic {
			assert(nobody && !copying);	/* access */
			where = list;
			copying = true;
			copy_fence = true;
			copy_started = BROKEN != 4	/* 4: it is started after the drain */
		}
		/* dma_buf_phys_move_end() */
		moving = false;
		if
		:: state == LIVE ->
			d_step { told[0] = false; told[1] = false }
			phys_notify_attachments(RESTORE)
		:: else
		fi;
		dma_resv_unlock();
		/* dma_buf_phys_drain() */
#if BROKEN != 21	/* no wait for mappings */
		phys_wait_unmapped(place);
#endif
#if BROKEN == 4
		copy_started = true;
#endif
		dma_buf_phys_list_free(place)
	:: else -> dma_resv_unlock()
	fi
}
