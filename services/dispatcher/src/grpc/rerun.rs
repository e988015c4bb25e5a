//! What a rerun asks for, put together from what was and what is set anew.

use katonic_proto::dispatcher::v1 as pb;

use crate::{
    domain::{execution::Execution, spec::JobForm},
    error::Error,
    grpc::convert,
    snapshot,
};

/// The job that repeats an execution, but for what the request sets.
pub fn job_form(of: &Execution, request: pb::RerunExecutionRequest) -> Result<JobForm, Error> {
    let no_input = of.spec.input_commit.is_none() && request.commit.is_empty();
    let form = convert::job_form(merged(snapshot::execution(of, &[]), request))?;
    Ok(JobForm { no_input, rerun_of: Some(of.id), ..form })
}

fn merged(of: pb::Execution, request: pb::RerunExecutionRequest) -> pb::SubmitJobRequest {
    let spec = of.spec.unwrap_or_default();
    let tier = spec.tier.map(|tier| tier.name).unwrap_or_default();
    let title = if request.command.is_empty() { of.title } else { String::new() };
    let mut params = of.params;
    params.extend(request.params);
    let mut env = of.env;
    env.extend(request.env);
    pb::SubmitJobRequest {
        project_id: of.project_id,
        command: or(request.command, spec.command),
        title: or(request.title, title),
        commit: or(request.commit, spec.input_commit),
        tier: or(request.tier, tier),
        timeout: request.timeout.or(spec.timeout),
        grace: request.grace.or(spec.grace),
        params,
        tags: or(request.tags, of.tags),
        priority: if request.priority == 0 { of.priority } else { request.priority },
        retry: request.retry.or(spec.retry),
        after: request.after,
        after_items: Vec::new(),
        env,
    }
}

fn or<T: Default + PartialEq>(set: T, was: T) -> T {
    if set == T::default() { was } else { set }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{
        dependency::tests::on,
        execution::tests::queued,
        params::Params,
        spec::{Command, JobRequest},
        variables::Variables,
    };

    fn asked(of: &Execution, request: pb::RerunExecutionRequest) -> JobRequest {
        job_form(of, request).and_then(|form| Ok(form.check()?)).expect("a job")
    }

    fn with_values() -> Execution {
        let mut execution = queued(7);
        let params = BTreeMap::from([("lr".to_owned(), "0.1".to_owned()), ("seed".to_owned(), "1".to_owned())]);
        execution.spec.params = Params::try_new(params).expect("parameters");
        let env = BTreeMap::from([("SEED".to_owned(), "1".to_owned()), ("THREADS".to_owned(), "2".to_owned())]);
        execution.spec.env = Variables::try_new(env).expect("variables");
        execution
    }

    #[test]
    fn what_is_not_set_is_as_it_was() {
        let mut execution = with_values();
        execution.title = "the good one".to_owned();
        let request = asked(&execution, pb::RerunExecutionRequest::default());
        let spec = &execution.spec;
        assert_eq!((&request.command, request.title.as_str()), (&spec.command, "the good one"));
        assert_eq!((request.tier.as_ref(), &request.params), (Some(&spec.tier.name), &spec.params));
        assert_eq!(request.env, spec.env);
        assert_eq!((request.timeout, request.grace), (std::time::Duration::from_mins(1), spec.grace()));
        assert_eq!((request.rerun_of, request.no_input), (Some(execution.id), true));
        assert_eq!((&request.retry, request.priority), (&spec.retry, spec.priority));
    }

    #[test]
    fn what_it_waited_for_it_waits_for_again_only_where_that_is_said() {
        let (mut execution, other) = (queued(7), queued(8));
        execution.after = vec![on(other.id)];
        assert_eq!(asked(&execution, pb::RerunExecutionRequest::default()).after, []);
        let after = vec![pb::Dependency { execution_id: other.id.to_string(), condition: 0 }];
        let request = pb::RerunExecutionRequest { after, ..Default::default() };
        assert_eq!(asked(&execution, request).after, execution.after);
    }

    #[test]
    fn what_is_set_replaces_it_and_a_parameter_or_variable_only_that_of_its_name() {
        let request = pb::RerunExecutionRequest {
            command: vec!["false".to_owned()],
            commit: "0".repeat(40),
            params: [("lr".to_owned(), "0.2".to_owned())].into(),
            env: [("THREADS".to_owned(), "8".to_owned())].into(),
            ..Default::default()
        };
        let request = asked(&with_values(), request);
        assert_eq!(Some(request.command), Command::try_new(vec!["false".to_owned()]).ok());
        assert_eq!((request.title.as_str(), request.no_input), ("false", false));
        let given = request.params.values().iter().chain(request.env.values());
        let given: Vec<_> = given.map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(given, ["lr=0.2", "seed=1", "SEED=1", "THREADS=8"]);
    }
}
