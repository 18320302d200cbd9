/* The condition variable of src/condition.rs: kill -9 at every step, time-outs and aborts, a sweeper that may die itself.
   Sequentially consistent: memory orderings are loom's task (tests/loom.rs).

   The word is (given, served, W). Every `atomic` below is one load, one compare-exchange or one futex call of the source;
   those marked so are two that nothing can come between. The lock is the one of mutex.pml, and is one step here: its waits
   and wakes are checked there. N consumers wait until there is an item, and take one; a producer makes items, and
   notifies one waiter for each. Sleepers have a futex bit each, as tickets have up to 32 of them.

   N, ITEMS         how many consumers, 2 or 3; how many items, as many unless told
   DEATHS, LEAVES   how many may die; how many waits may end by time-out or abort
   ALL              the producer makes all items at once and notifies all
   BUG_...          one line changed: each must be found                                                             */
#ifndef N
#define N 2
#endif
#ifndef ITEMS
#define ITEMS N
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif

byte given = 0; byte served = 0; bool W = 0;
bool asleep[4]; byte ticket[4];
byte owner = 0; bool dead[5];
byte items = 0; bool produced = 0;
byte deaths = 0; byte leaves = 0; byte unswept = 0;

inline may_die() { if :: deaths < DEATHS -> goto die :: skip fi }
inline lock() { atomic { (owner == 0 || dead[owner]); owner = me } }
inline unlock() { owner = 0 }
inline wake_all() { asleep[1] = 0; asleep[2] = 0; asleep[3] = 0 }
/* Those who sleep with a bit of these tickets. */
inline wake(from, to) {
  if :: asleep[1] && ticket[1] >= from && ticket[1] < to -> asleep[1] = 0 :: else fi;
  if :: asleep[2] && ticket[2] >= from && ticket[2] < to -> asleep[2] = 0 :: else fi;
  if :: asleep[3] && ticket[3] >= from && ticket[3] < to -> asleep[3] = 0 :: else fi
}
inline wake_any() { if :: asleep[3] -> asleep[3] = 0 :: asleep[2] -> asleep[2] = 0 :: asleep[1] -> asleep[1] = 0 :: else fi }

/* The compare-exchange of notify(count), then its wake; the caller may die in between. */
inline serve(count) {
  atomic {
    from = served;
    if :: given - served < count -> served = given :: else -> served = served + count fi;
    had = W;
#ifdef BUG_FORGETS_WAITERS
    W = 0
#else
    W = (W && served != given)
#endif
  }
}
inline call() {
#ifdef BUG_WAKES_ANYBODY
  if :: had && served != from -> atomic { wake_any() } :: else fi
#else
  if :: had -> atomic { wake(from, served) } :: else fi
#endif
}

proctype Consumer(byte me) {
  byte s; byte from; bool w; bool had; bool over;
  lock();
  do
  :: items > 0 -> break
  :: else ->
     may_die();
#ifdef BUG_TICKET_AFTER_THE_RELEASE
     unlock();
     may_die();
     atomic { ticket[me] = given; given++ };
#else
     atomic { ticket[me] = given; given++ };
     may_die();
     unlock();
#endif
again:
     may_die();
     atomic { s = served; w = W };
     if
     :: s > ticket[me] -> goto woken
     :: else ->
        if :: leaves < LEAVES -> leaves++; goto leave :: skip fi;
        if
        :: !w -> atomic { if :: served == s && !W -> W = 1 :: else -> skip fi }; goto again
        :: else
        fi;
        may_die();
        /* The futex is the upper half: tickets that are given do not end the sleep. */
        atomic { if :: served == s && W -> asleep[me] = 1 :: else -> skip fi };
        do
        :: !asleep[me] -> break
        :: asleep[me] && deaths < DEATHS -> goto die
        :: asleep[me] && leaves < LEAVES -> leaves++; asleep[me] = 0; goto leave
        :: asleep[me] && produced && unswept == 0 && items == 0 -> asleep[me] = 0; over = 1; goto done   /* rightly */
        od;
        goto again
     fi;
leave:
     /* withdraw */
#ifndef BUG_LEAVES_ITS_TICKET
     atomic {
       had = 0;
       if
       :: given == ticket[me] + 1 && served <= ticket[me] -> given--; had = 1; W = (W && served != given)
       :: else -> skip
       fi
     };
     may_die();
     if
     :: had -> goto woken
     :: else ->
        if
        :: served > ticket[me] ->
#ifndef BUG_LEAVES_WITH_THE_NOTIFICATION
           serve(1)                                                        /* abandon: it goes to another */
#else
           from = served
#endif
        :: else -> serve(N)
        fi;
        may_die();
        call()
     fi;
#endif
     /* As one that was called off: it looks no more at what it waited for. */
     goto done;
woken:
     may_die();
     lock()
  od;
  may_die();
  items--;
  unlock();
done:
  skip;
  goto end_;
die:
  atomic { deaths++; unswept++; dead[me] = 1; asleep[me] = 0 };
end_: skip
}

proctype Producer(byte me) {
  byte made = 0; byte from; bool had;
  do
  :: made == ITEMS -> break
  :: else ->
     lock();
#ifdef ALL
     made = ITEMS; items = ITEMS;
     unlock();
     serve(N);
#else
     made++; items++;
     unlock();
     serve(1);
#endif
     if :: deaths < DEATHS -> goto die :: skip fi;
     call()
  od;
  produced = 1;
  goto end_;
die:
  atomic { deaths++; unswept++; dead[me] = 1; produced = 1 };
end_: skip
}

/* participant_died. A sweeper that dies leaves the death unswept: the next one begins again. */
active proctype Sweeper() {
  bool again = 1;
end:
  do
  :: unswept > 0 ->
#ifndef BUG_DEATH_SERVES_NOBODY
     atomic { served = given; W = 0 };
#endif
     if :: again -> again = 0; goto end :: skip fi;
#ifdef BUG_SWEEPER_WAKES_NOBODY
     atomic { unswept-- }
#else
     atomic { unswept--; wake_all() }
#endif
  od
}

init {
  atomic {
    run Consumer(1); run Consumer(2); run Producer(4);
    if :: N == 3 -> run Consumer(3) :: else fi
  }
}
