// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who takes part in the model: an exporter and the end of its device, the release of the
 * buffer, a copy engine, and two importers, of which importer 1 may be another kind.
 * buffer.pml says what all this is about. What is defined makes an instance:
 *
 *	IOMMUFD, KVM	importer 1 is iommufd.pml or kvm.pml rather than importer.pml
 *	ALONE		there is no importer 0
 *	FENCES=N	bitmap of the importers that may leave fences
 *	LATE=N		bitmap of those that map at their next use only
 *	NO_MOVE		the exporter does not move the buffer
 *	WATCH, MMAP	a program has a watch; it maps the buffer
 *	SYNC_FILE	a program adds a fence of its own, which never signals
 *	REVOKERS	there are two threads that revoke, restore and move
 *	FAIR		locks are fair, for the property "ends"; with ALONE
 *	BROKEN=N	mistake N is made
 *
 * Those that tools/tests/model explores, their numbers of states, and CPU time on
 * a slow machine, less than a minute for all of them. Two run at a time:
 *
 *	FENCES=1                         3.4 million   11 s
 *	ALONE REVOKERS                       710,000    2 s
 *	ALONE LATE=2 FENCES=2                 92,000    1 s
 *	IOMMUFD FENCES=1 NO_MOVE         4.5 million   16 s
 *	IOMMUFD ALONE                        710,000    2 s
 *	IOMMUFD ALONE WATCH NO_MOVE      1.2 million    3 s
 *	KVM FENCES=1 NO_MOVE             1.3 million    3 s
 *	KVM ALONE MMAP                   1.0 million    3 s
 *	ALONE WATCH FENCES=2             1.1 million    3 s
 *	ALONE SYNC_FILE                      250,000    1 s
 *	ALONE FENCES=2 FAIR                  360,000    3 s
 *	IOMMUFD ALONE FAIR NO_MOVE           380,000    3 s
 *	KVM ALONE FAIR                       710,000    4 s
 */
#ifndef FENCES
#define FENCES 0
#endif
#define LEAVES_FENCES(i)	(FENCES >> (i) & 1)
#ifndef LATE
#define LATE 0
#endif
#define MAPS_LATE(i)	(LATE >> (i) & 1)

#define notify_0(event)	if :: attached[0] -> atomic { importer_notify(0, event) } :: else fi
#if defined(IOMMUFD)
#define notify_1(event)	if :: attached[1] -> iopt_phys_notify(event) :: else fi
#define nobody_1	(mapped == NONE)
#define at_rest_1	(!track || state != LIVE || (mapped == list && at_status == OK))
#elif defined(KVM)
#define notify_1(event)	if :: attached[1] -> kvm_dmabuf_notify(event) :: else fi
#define nobody_1	(spte == NONE)
#define at_rest_1	true
#else
#define notify_1(event)	if :: attached[1] -> atomic { importer_notify(1, event) } :: else fi
#define nobody_1	(busy[1] == NONE)
#define at_rest_1	true
#endif
#define nobody		(pte == NONE && busy[0] == NONE && nobody_1)

#include "buffer.pml"
#include "importer.pml"
#if defined(IOMMUFD)
#include "iommufd.pml"
#elif defined(KVM)
#include "kvm.pml"
#endif

/*
 * vfio_pci_dma_buf_update_live() and vfio_pci_dma_buf_cleanup(), or any other exporter: a
 * lock serialises its calls and keeps the buffer on its list alive. So one process makes
 * all of them, in any order, also of a buffer that is dead.
 */
proctype exporter(byte me)
{
	byte place = NONE, mapping = NONE, left;
	bool woken;

	do
	:: atomic {
			lock(exporter_lock);
			if
			:: !listed -> unlock(exporter_lock); break
			:: else
			fi
		}
		if
		:: taking = true; phys_take_access(REVOKED); taking = false
		:: dma_buf_phys_restore()
#ifndef NO_MOVE
		:: taking = true; dma_buf_phys_move(); taking = false
#endif
		:: taking = true; dma_buf_phys_kill(); taking = false
		:: state == DEAD ->
			atomic {
				assert(!released);	/* freed */
				listed = false		/* vfio_pci_dma_buf_detach() */
			}
		fi;
		atomic {
			assert(!listed || !released);	/* freed */
			place = NONE;
			unlock(exporter_lock)
		}
#if BROKEN == 22	/* restores without the exporter's lock */
	:: dma_buf_phys_restore()
#endif
#if defined(IOMMUFD) && defined(ALONE)	/* or leaves a live buffer alone, for "rest" */
	:: break
#endif
	od
}

/*
 * vfio_pci_dma_buf_release(): the last reference to the file is gone. That of a buffer
 * that is no longer on the exporter's list does not take its lock.
 */
proctype release()
{
end:	users == 0;
#if BROKEN != 13	/* does not take the exporter's lock */
	if
	:: listed ->		/* vfio_pci_dma_buf_get_vdev() */
		lock(exporter_lock);
		listed = false;
		unlock(exporter_lock)
	:: else
	fi;
#endif
	released = true		/* dma_buf_phys_fini(), kfree() */
}

proctype copy_engine()
{
end:	do
	:: copy_started ->
		d_step { copy_started = false; copying = false; copy_fence = false }
	od
}

/* A program's loop: phys_watch_read() */
#ifdef WATCH
proctype watch()
{
	byte me = 0;

	do
	:: d_step { watch_news -> watch_news = false }	/* phys_watch_take() */
	:: else ->
		if
		:: state == DEAD && !watch_news -> break	/* EPOLLHUP */
		:: else ->
			watch_wait = 1;		/* wait_event_interruptible() */
			if
			:: watch_news || state == DEAD -> watch_wait = 0
			:: else ->
end:				!watch_wait
			fi
		fi
	od;
	users--
}
#endif

/* phys_mmap_fault(), and the accesses after it */
#ifdef MMAP
proctype mmap()
{
end:	do
	:: pte == NONE && state == LIVE ->
		dma_resv_lock();
		if
#if BROKEN == 29	/* looked at the state before it had the lock */
		:: list != NONE ->
#else
		:: state == LIVE ->
#endif
#if BROKEN != 30	/* does not wait for a copy */
			fences_signaled_kernel;
#endif
			READS(list);
			pte = list
		:: else
		fi;
		dma_resv_unlock()
	:: atomic { pte != NONE -> ACCESS(pte) }
	:: break
	od
}
#endif

/* DMA_BUF_IOCTL_IMPORT_SYNC_FILE with a fence that never signals */
#ifdef SYNC_FILE
proctype import_sync_file()
{
	dma_resv_lock();
	sync_file = true;
	dma_resv_unlock()
}
#endif

/* Once nothing else can happen */
proctype rest()
{
end:	timeout;
	assert(at_rest_1);			/* rest */
	assert(!nr_behind || state != LIVE);
#ifdef WATCH
	assert(!watch_news);
#endif
}

init
{
	atomic {
		run exporter(0);
#ifdef REVOKERS
		run exporter(1);
#endif
		run release();
		run copy_engine();
#ifdef ALONE
		users--;
#else
		run importer(0);
		run importer_device(0);
		run importer_unmap(0);
#endif
#if defined(IOMMUFD)
		run iommufd();
		run iopt_phys_restore();
#elif defined(KVM)
		run kvm_vcpu();
		run kvm_memslot();
#else
		run importer(1);
		run importer_device(1);
		run importer_unmap(1);
#endif
#ifdef WATCH
		run watch();
#else
		users--;
#endif
#ifdef MMAP
		run mmap();
#endif
#ifdef SYNC_FILE
		run import_sync_file();
#endif
		run rest()
	}
}

/* With FAIR and ALONE */
ltl ends { [] ((taking -> <> !taking) && (leaving -> <> !leaving)) }
