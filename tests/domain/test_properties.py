"""What holds of every incident, whatever is said to it, whatever the vendors do, however long nothing runs."""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.domain import harbour, observatory
from tests.domain.world import World, delivers, fails, is_down, refuses, says_nothing
from tocsin.domain import commands as say
from tocsin.domain.alarms import alarms
from tocsin.domain.commands import CommandRefused
from tocsin.domain.decide import decide
from tocsin.domain.delivery import forward
from tocsin.domain.events import Commanded, TimePassed
from tocsin.domain.operators import details
from tocsin.domain.plan import Plan
from tocsin.domain.state import IncidentState, Reporter, Witness
from tocsin.domain.view import ledger, view
from tocsin.yamlfile import parse

SEVERITIES = st.sampled_from(["storm", "gale", "breeze"])
PEOPLE = st.sampled_from(["ana", "rui", "eva"])
VENDORS = st.sampled_from([delivers, fails, refuses, is_down, says_nothing])
STEPS = st.sampled_from(["moor", "sound", "clear", "repaint"])
ANCHORS = st.sampled_from(["occurred", "aware", "classified", "mitigated"])
AGO = st.timedeltas(timedelta(0), timedelta(hours=30))
WHY = st.just("because")

COMMANDS = st.one_of(
    st.tuples(st.just(say.Acknowledge), st.fixed_dictionaries({})),
    st.tuples(
        st.just(say.HandOver),
        st.fixed_dictionaries({"page": st.integers(1, 3), "person": st.one_of(st.none(), PEOPLE)}),
    ),
    st.tuples(st.just(say.OptOut), st.fixed_dictionaries({"back": st.booleans()})),
    st.tuples(
        st.just(say.FinishStep), st.fixed_dictionaries({"step": STEPS, "skip": st.booleans(), "reason": WHY})
    ),
    st.tuples(st.just(say.AssignRole), st.fixed_dictionaries({"role": st.just("pilot"), "person": PEOPLE})),
    st.tuples(st.just(say.PageSomebody), st.fixed_dictionaries({"person": PEOPLE, "reason": WHY})),
    st.tuples(
        st.just(say.Classify), st.fixed_dictionaries({"severity": SEVERITIES, "loosen": st.booleans()})
    ),
    st.tuples(st.just(say.GiveEstimate), st.fixed_dictionaries({"choice": st.just("days")})),
    st.tuples(st.just(say.FinishTask), st.fixed_dictionaries({"task": st.integers(1, 3)})),
    st.tuples(st.just(say.Resolve), st.fixed_dictionaries({"summary": WHY})),
    st.tuples(st.just(say.Dismiss), st.fixed_dictionaries({"reason": WHY})),
    st.tuples(st.just(say.Reopen), st.fixed_dictionaries({"reason": WHY})),
    st.tuples(st.just(say.Close), st.fixed_dictionaries({"anyway": st.booleans()})),
    st.tuples(
        st.just(say.SendReport), st.fixed_dictionaries({"report": st.sampled_from(["interim", "final"])})
    ),
)


WORK = st.one_of(
    COMMANDS.filter(
        lambda each: each[0] not in {say.Classify, say.AssignRole, say.PageSomebody, say.FinishStep}
    ),
    st.tuples(
        st.just(say.Classify),
        st.fixed_dictionaries(
            {
                "severity": st.sampled_from(["flood", "drip"]),
                "impacts": st.sampled_from([(), ("visitors",), ("name",)]),
                "loosen": st.booleans(),
                "reason": WHY,
            }
        ),
    ),
    st.tuples(
        st.just(say.Mitigate),
        st.fixed_dictionaries(
            {
                "action": st.sampled_from(["identify", "test", "deploy"]),
                "mitigation": st.just(1),
                "title": WHY,
                "result": WHY,
            }
        ),
    ),
    st.tuples(
        st.just(say.AddTask),
        st.fixed_dictionaries(
            {
                "title": WHY,
                "person": st.just("edmond"),
                "within": st.sampled_from([None, timedelta(hours=2)]),
                "after": st.sampled_from([(), (1,), ("look",)]),
            }
        ),
    ),
    st.tuples(
        st.just(say.AskForWaiver),
        st.fixed_dictionaries({"obligation": st.sampled_from(["lenders", "log#1"]), "reason": WHY}),
    ),
    st.tuples(
        st.just(say.SetInterval),
        st.fixed_dictionaries(
            {"obligation": st.just("log"), "every": st.just(timedelta(hours=1)), "reason": WHY}
        ),
    ),
    st.tuples(st.just(say.Reword), st.fixed_dictionaries({"approval": st.integers(1, 2), "text": WHY})),
    st.tuples(st.just(say.GiveUpdate), st.fixed_dictionaries({"text": WHY})),
    st.tuples(
        st.just(say.DeclareUnresolvable),
        st.fixed_dictionaries({"reason": WHY, "proposed": st.just(observatory.TUESDAY + timedelta(days=9))}),
    ),
    st.tuples(
        st.just(say.FinishStep), st.fixed_dictionaries({"step": st.sampled_from(["look", "fix", "review"])})
    ),
)


PAGING = [
    "{rounds: 12}",
    "{last_resort: {role: clerk, via: [sms, phone], at_once: true}, holds: {storm: PT30M, gale: PT1H}}",
    "{last_resort: {person: eva, via: phone, repeat: 2}, wakes: [storm], troubles_to: harbour_master}",
]


def plan_with(rules, answers):
    """The harbour's policy with these rules for pages, and a summons that one or all must answer."""
    text = harbour.PLAN.replace("\nphases:\n", f"\npaging: {rules}\nphases:\n")
    return parse(
        text.replace("assigns: watch_officer", f"assigns: watch_officer\n          answers: {answers}"), Plan
    )


class Watched(World):
    """A world that looks at its timers after every event."""

    def becomes(self, state: IncidentState) -> None:
        super().becomes(state)
        for alarm in alarms(self.case, self.now).values():
            assert alarm.at > self.now, f"{alarm.key} would ring in the past"


class AnIncident(RuleBasedStateMachine):
    """An incident to which anything may happen."""

    @initialize(
        severity=SEVERITIES,
        customer=st.sampled_from([None, "orca"]),
        speed=st.sampled_from([None, 60]),
        rules=st.sampled_from(PAGING),
        answers=st.sampled_from(["one", "all"]),
    )
    def opens(self, severity, customer, speed, rules, answers):
        self.world = Watched(plan=plan_with(rules, answers))
        self.world.alert(severity=severity, customer=customer, drill_speed=speed)

    @rule(command=COMMANDS, by=PEOPLE)
    def somebody_speaks(self, command, by):
        kind, what = command
        said = self.world.command(kind, by, **what)
        self.gives(said, may_correct=False)

    @rule(anchor=ANCHORS, ago=AGO)
    def somebody_corrects(self, anchor, ago):
        at = self.world.now - ago
        self.gives(self.world.command(say.SetAnchor, anchor=anchor, at=at), may_correct=True)

    @rule(channel=st.sampled_from(["email", "sms", "phone"]), vendor=VENDORS)
    def a_vendor_changes(self, channel, vendor):
        self.world.vendors[channel] = vendor

    @rule(minutes=st.sampled_from([5, 30, 60]))
    def time_passes(self, minutes):
        before = self.world.state.model_copy(deep=True)
        self.world.passes(minutes=minutes / self.world.state.drill_speed)
        self.moved_forward(before)

    @rule(hours=st.sampled_from([1, 4, 10, 100]))
    def nothing_runs(self, hours):
        before = self.world.state.model_copy(deep=True)
        self.world.is_down_for(hours=hours / self.world.state.drill_speed)
        self.moved_forward(before)

    def gives(self, command, may_correct):
        before = self.world.state
        as_it_was = before.model_copy(deep=True)
        try:
            decide(self.world.case, Commanded(command=command), self.world.now)
        except CommandRefused:
            assert self.world.state == as_it_was
            return
        assert before == as_it_was, "a decision does not touch what it was given"
        self.world.happens(Commanded(command=command))
        once = self.world.state
        self.world.happens(Commanded(command=command))
        assert self.world.state == once, "twice is once"
        if not isinstance(command, say.Reopen):
            self.moved_forward(as_it_was, may_correct)

    def moved_forward(self, before, may_correct=False):
        after = self.world.state
        assert not (before.phase and before.phase.is_after(after.phase)), "phases go on"
        assert after.is_open <= before.is_open, "nothing opens again by itself"
        for id, message in before.messages.items():
            now = after.messages.get(id)
            if now is not None and now.attempt == message.attempt:
                assert now.state in {message.state, *_ahead(message.state)}, "deliveries go forward"
        for key, obligation in before.obligations.items():
            if not obligation.is_open and not may_correct:
                assert after.obligations[key].verdict is obligation.verdict, "what is settled stays settled"

    @invariant()
    def every_open_promise_has_an_alarm_or_waits_for_something_that_has_a_name(self):
        state = self.world.state
        ringing = alarms(self.world.case, self.world.now)
        for obligation in state.obligations.values():
            if not obligation.is_open or f"obligation {obligation.key}" in ringing:
                continue
            assert obligation.verdict == "overdue"
            assert any(waits_for(state, duty) for duty in obligation.duties if duty.done is None), obligation

    @invariant()
    def every_page_that_waits_for_an_answer_will_be_tried_again(self):
        ringing = alarms(self.world.case, self.world.now)
        for page in self.world.state.pages.values():
            if page.is_open:
                assert f"page {page.number}" in ringing, "nobody would be asked any more"
                assert page.levels[page.level].target is not None

    @invariant()
    def looking_again_at_the_same_moment_changes_nothing(self):
        assert decide(self.world.case, TimePassed(), self.world.now) == self.world.state

    @invariant()
    def what_is_settled_was_settled_by_now(self):
        for obligation in self.world.state.obligations.values():
            assert obligation.is_open == (obligation.settled is None)
            assert obligation.settled is None or obligation.settled <= self.world.now

    @invariant()
    def it_can_be_written_down_read_back_and_shown(self):
        state = self.world.state
        assert IncidentState.model_validate_json(state.model_dump_json()) == state
        assert len({row.key for row in ledger(self.world.case)}) == len(ledger(self.world.case))
        assert view(self.world.case, "incident", self.world.now).title in details(
            self.world.case, self.world.now
        )

    @invariant()
    def the_timeline_has_no_gap(self):
        numbers = [entry.number for entry in (*self.world.archived, *self.world.state.timeline)]
        assert numbers == list(range(1, self.world.state.entries + 1))


def _ahead(state):
    """Every state that may be reached from this one."""
    found = {new for new in type(state) if forward(state, new) is new and new is not state}
    return found.union(*(_ahead(new) for new in found))


def waits_for(state, duty):
    """What an unfinished duty waits for by name: a page, a task, a step, messages, or somebody for the directory."""
    match duty.kind:
        case "page":
            return any(state.pages[int(ref)].is_open for ref in duty.refs)
        case "task":
            return state.tasks[int(duty.refs[0])].done is None
        case "step":
            return duty.refs[0]
        case _:
            return duty.refs or duty.lacking


class ALeak(RuleBasedStateMachine):
    """An incident under a policy that wants approvals, tests before deployment, updates and meetings."""

    opened = False

    @initialize(
        severity=st.sampled_from(["flood", "drip"]), knew=st.sampled_from([None, timedelta(hours=30)])
    )
    def opens(self, severity, knew):
        self.world = Watched(
            plan=observatory.plan(),
            directory=observatory.directory(),
            calendar=observatory.CALENDAR,
            now=observatory.TUESDAY,
        )
        self.world.alert(severity=severity)
        if knew is not None:
            told = self.world.now - knew
            self.world.state.reported = Reporter(kind="employee", channel="phone", knew=told)
            self.world.happens(TimePassed())

    @rule(command=WORK, by=st.sampled_from(["edmond", "caroline"]))
    def somebody_speaks(self, command, by):
        kind, what = command
        AnIncident.gives(self, self.world.command(kind, by, **what), may_correct=False)

    @rule(number=st.integers(1, 4), approve=st.booleans(), by=st.sampled_from(["edmond", "caroline"]))
    def somebody_decides(self, number, approve, by):
        witness = Witness(person=by, roles=self.world.directory.roles_of(by), how="by their own token")
        words = {"approval": number, "approve": approve, "reason": "because", "witness": witness}
        AnIncident.gives(self, self.world.command(say.Decide, by, **words), may_correct=False)

    @rule(action=st.sampled_from(["move", "confirm", "hold", "cancel"]), which=st.integers(0, 2))
    def somebody_changes_a_meeting(self, action, which):
        meetings = list(self.world.state.meetings)
        if which < len(meetings):
            later = self.world.now + timedelta(days=1)
            words = {"meeting": meetings[which], "action": action, "at": later, "outcome": "a new roof"}
            AnIncident.gives(self, self.world.command(say.ChangeMeeting, **words), may_correct=True)

    @rule(anchor=st.sampled_from(["occurred", "aware", "resolved"]), ago=AGO)
    def somebody_corrects(self, anchor, ago):
        AnIncident.somebody_corrects(self, anchor, ago)

    time_passes = AnIncident.time_passes
    nothing_runs = AnIncident.nothing_runs
    a_vendor_changes = AnIncident.a_vendor_changes
    gives = AnIncident.gives
    moved_forward = AnIncident.moved_forward
    looking_again = AnIncident.looking_again_at_the_same_moment_changes_nothing
    what_is_settled = AnIncident.what_is_settled_was_settled_by_now
    it_can_be_read = AnIncident.it_can_be_written_down_read_back_and_shown
    no_gap = AnIncident.the_timeline_has_no_gap

    @invariant()
    def nothing_that_wants_approval_leaves_without(self):
        approved = {
            item.wording for item in self.world.state.approvals.values() if item.decision == "approved"
        }
        for letter in self.world.letters:
            if letter.to == "paris" and letter.dispatch.purpose == "notice":
                assert letter.dispatch.wording in approved

    @invariant()
    def nothing_is_deployed_untested(self):
        for measure in self.world.state.mitigations.values():
            assert measure.deployed is None or measure.tested is not None


AnIncident.TestCase.settings = ALeak.TestCase.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
test_whatever_happens = AnIncident.TestCase
test_whatever_leaks = ALeak.TestCase
