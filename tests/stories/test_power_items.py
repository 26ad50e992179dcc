"""Where other schedulers went wrong once they had a cloud below them, and the tests that show that this one does not.

The numbers are those of the survey that tests/schedules/cases.py goes by; its items 1 to 15, and the pure halves of the others,
are there. A name that is listed here and does not exist, or an item without a name, fails.
"""

import pytest

from tests.named import exists

ITEMS: dict[str, list[str]] = {
    "16 a loop undoes what people started": [
        "stories/test_power_manual.py::test_items_16_and_17_saturdays_start_is_not_undone_by_the_ticks",
        "power/test_tick.py::test_what_a_person_asked_for_holds",
    ],
    "17 a start by hand is forgotten and runs on": [
        "stories/test_power_week.py::test_saturday_a_wake_for_two_hours_ends_by_itself",
        "stories/test_power_manual.py::test_an_idle_hub_goes_off_outside_its_hours",
    ],
    "18 a late wake ends inside the next workday": [
        "schedules/test_cases.py::test_item_18_an_override_that_would_end_in_a_window_ends_with_it",
        "stories/test_power_faults.py::test_a_refusal_for_good_is_not_tried_for_an_hour_and_comes_with_advice",
    ],
    "19 who started it is not known": [
        "stories/test_power_week.py::test_monday_it_is_usable_by_eight",
        "stories/test_power_manual.py::test_a_start_of_a_started_hub_is_success_and_holds_it",
        "stories/test_power_manual.py::test_on_monday_the_schedule_takes_over_and_a_stop_is_put_off_by_hand",
    ],
    "20 an edit acts at once": [
        "stories/test_power_manual.py::test_item_20_an_edit_makes_no_edge_in_the_past",
        "power/test_commands.py::test_another_schedule_makes_nothing_happen_in_the_past",
    ],
    "21 two writers, the last one wins": [
        "stories/test_power_twice.py::test_item_21_what_is_written_at_the_same_time_is_all_kept",
        "power/test_commands.py::test_an_edit_is_made_again_on_what_somebody_else_wrote",
    ],
    "22 a start in a stop, a stop in a start, a start too soon": [
        "stories/test_power_manual.py::test_a_start_soon_after_a_stop_is_queued_shown_and_then_happens",
        "stories/test_power_manual.py::test_item_22_a_start_while_a_stop_runs_waits_its_turn_and_says_so",
        "stories/test_power_manual.py::test_item_22_the_last_wish_wins_over_a_start_that_is_still_queued",
    ],
    "23 two schedulers fight": [
        "stories/test_power_twice.py::test_the_same_tick_on_two_hosts_switches_once",
        "stories/test_power_twice.py::test_a_start_and_a_stop_at_the_same_time_come_one_after_the_other",
        "power/test_tick.py::test_ticks_at_the_same_time_begin_one_run",
    ],
    "24 an event that comes late is lost": [
        "stories/test_power_faults.py::test_while_the_listing_fails_nothing_is_switched",
        "power/test_tick.py::test_a_late_tick_ends_right",
    ],
    "25 catching up too eagerly": [
        "stories/test_power_manual.py::test_item_25_and_26_a_host_that_slept_for_days_does_what_is_right_now",
        "power/test_tick.py::test_a_tick_so_late_that_the_window_is_over_starts_nothing",
    ],
    "26 the timer is past due, or asleep for days": [
        "stories/test_power_manual.py::test_item_25_and_26_a_host_that_slept_for_days_does_what_is_right_now",
        "power/test_tick.py::test_a_doubled_tick_begins_one_run",
    ],
    "27 accepted is reported as done": [
        "stories/test_power_week.py::test_friday_a_failed_start_recovers_and_the_file_is_there",
        "stories/test_power_faults.py::test_items_27_to_29_a_start_that_fails_for_an_hour_is_told_once_and_tried_again_by_the_tick",
        "power/test_switch.py::test_an_operation_that_ended_well_with_a_cluster_that_is_not_is_begun_again",
    ],
    "28 what failed is left lying, or told every time": [
        "stories/test_power_faults.py::test_items_27_to_29_a_start_that_fails_for_an_hour_is_told_once_and_tried_again_by_the_tick",
        "power/test_follow_up.py::test_starts_that_fail_in_a_row_are_told_once_and_the_first_time_is_kept",
        "power/test_tick.py::test_a_hub_that_cannot_be_read_does_not_stop_the_others",
    ],
    "29 quota or capacity is short at the start": [
        "stories/test_power_faults.py::test_items_27_to_29_a_start_that_fails_for_an_hour_is_told_once_and_tried_again_by_the_tick",
    ],
    "30 state is lost with the process": [
        "stories/test_power_manual.py::test_item_30_nothing_is_forgotten_when_the_host_is_started_again",
        "stories/test_power_rotation.py::test_a_crash_between_directory_and_vault_leaves_no_stray_password",
    ],
}


@pytest.mark.parametrize("item", list(ITEMS))
def test_each_item_has_tests_that_exist(item: str) -> None:
    assert [test for test in ITEMS[item] if not exists(test)] == []


def test_every_number_is_there() -> None:
    assert [int(item.split()[0]) for item in ITEMS] == list(range(16, 31))
