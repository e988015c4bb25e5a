//! Jobs of one call that wait for one another: submitted in rounds, so that the
//! ids of those that a job names are there when its own turn comes.

use katonic_domain::error::Violation;
use katonic_proto::dispatcher::v1 as pb;

use crate::{
    domain::{dependency, spec},
    error::Error,
};

/// The places of jobs, each in a round after those of the earlier jobs that it names.
pub fn rounds(jobs: &[pb::SubmitJobRequest]) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut round_of: Vec<usize> = Vec::with_capacity(jobs.len());
    for (place, job) in jobs.iter().enumerate() {
        // Those that are not earlier have no round yet.
        let named = job.after_items.iter().filter_map(|item| round_of.get(index(item.item)));
        let round = named.max().map_or(0, |latest| latest + 1);
        round_of.push(round);
        if round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[round].push(place);
    }
    rounds
}

/// A job that names what the items before it became, in their place.
pub fn resolved(
    place: usize,
    mut job: pb::SubmitJobRequest,
    answers: &[pb::SubmitJobsAnswer],
) -> Result<pb::SubmitJobRequest, Error> {
    // Before anything is made of them: each takes two bytes of the call, and far more here.
    if job.after.len() + job.after_items.len() > dependency::MOST {
        return Err(spec::Error(vec![Violation::new("after_items", dependency::TOO_MANY)]).into());
    }
    for item in std::mem::take(&mut job.after_items) {
        let answer = answers.get(index(item.item)).filter(|_| index(item.item) < place);
        let Some(answer) = answer.filter(|answer| !answer.execution_id.is_empty()) else {
            let why = format!("{} is the place of no earlier job of the call that was accepted", item.item);
            return Err(spec::Error(vec![Violation::new("after_items", why)]).into());
        };
        job.after.push(pb::Dependency { execution_id: answer.execution_id.clone(), condition: item.condition });
    }
    Ok(job)
}

fn index(item: u32) -> usize {
    usize::try_from(item).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(items: &[u32]) -> pb::SubmitJobRequest {
        let after_items = items.iter().map(|item| pb::ItemDependency { item: *item, condition: 2 }).collect();
        pb::SubmitJobRequest { after_items, ..Default::default() }
    }

    fn made(id: &str) -> pb::SubmitJobsAnswer {
        pb::SubmitJobsAnswer { execution_id: id.to_owned(), ..Default::default() }
    }

    #[test]
    fn more_items_than_a_job_may_wait_for_are_refused_unresolved() {
        let answers = vec![made("exe_first")];
        assert!(resolved(1, job(&[0; 64]), &answers).is_ok());
        assert!(resolved(1, job(&[0; 65]), &answers).is_err());
    }

    #[test]
    fn each_comes_in_a_round_after_all_that_it_names() {
        assert_eq!(rounds(&[job(&[]), job(&[]), job(&[])]), [vec![0, 1, 2]]);
        assert_eq!(rounds(&[job(&[]), job(&[0]), job(&[]), job(&[1, 2])]), [vec![0, 2], vec![1], vec![3]]);
    }

    #[test]
    fn whoever_names_itself_or_a_later_one_waits_for_no_round() {
        assert_eq!(rounds(&[job(&[0]), job(&[2]), job(&[u32::MAX])]), [vec![0, 1, 2]]);
    }

    #[test]
    fn an_item_becomes_the_execution_that_it_was_made_into() {
        let taken = resolved(2, job(&[0, 1]), &[made("exe_a"), made("exe_b"), made("")]).expect("resolved");
        let expected = ["exe_a", "exe_b"].map(|id| pb::Dependency { execution_id: id.to_owned(), condition: 2 });
        assert_eq!((taken.after, taken.after_items), (expected.to_vec(), vec![]));
    }

    #[test]
    fn an_item_that_was_refused_or_is_not_earlier_is_none() {
        let answers = [made(""), made("exe_b"), made("exe_c")];
        for item in [0, 1, 2, 3] {
            let Err(Error::Spec(spec::Error(wrong))) = resolved(1, job(&[item]), &answers) else {
                unreachable!("{item} was taken")
            };
            assert_eq!(wrong[0].field, "after_items");
        }
    }
}
