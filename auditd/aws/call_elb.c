/* What is wanted of Elastic Load Balancing's answers (version 2). */
#include "auditd/aws/call.h"

static const struct shape load_balancer_state[] = {
    {SHAPE_TEXT, "Code", "Code", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape load_balancer_address[] = {
    {SHAPE_TEXT, "IpAddress", "IpAddress", NULL, NULL},
    {SHAPE_TEXT, "AllocationId", "AllocationId", NULL, NULL},
    {SHAPE_TEXT, "PrivateIPv4Address", "PrivateIPv4Address", NULL, NULL},
    {SHAPE_TEXT, "IPv6Address", "IPv6Address", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape availability_zone[] = {
    {SHAPE_TEXT, "ZoneName", "ZoneName", NULL, NULL},
    {SHAPE_TEXT, "SubnetId", "SubnetId", NULL, NULL},
    {SHAPE_LIST, "LoadBalancerAddresses", "LoadBalancerAddresses", load_balancer_address, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape load_balancer[] = {
    {SHAPE_TEXT, "LoadBalancerArn", "LoadBalancerArn", NULL, NULL},
    {SHAPE_TEXT, "LoadBalancerName", "LoadBalancerName", NULL, NULL},
    {SHAPE_TEXT, "DNSName", "DNSName", NULL, NULL},
    {SHAPE_TEXT, "Scheme", "Scheme", NULL, NULL},
    {SHAPE_TEXT, "VpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "Type", "Type", NULL, NULL},
    {SHAPE_TEXT, "IpAddressType", "IpAddressType", NULL, NULL},
    {SHAPE_RECORD, "State", "State", load_balancer_state, NULL},
    {SHAPE_TEXTS, "SecurityGroups", "SecurityGroups", NULL, NULL},
    {SHAPE_LIST, "AvailabilityZones", "AvailabilityZones", availability_zone, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_balancers[] = {
    {SHAPE_LIST, "LoadBalancers", "LoadBalancers", load_balancer, NULL},
    {SHAPE_TEXT, "NextMarker", "NextMarker", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape redirect_action_config[] = {
    {SHAPE_TEXT, "Protocol", "Protocol", NULL, NULL},
    {SHAPE_TEXT, "Port", "Port", NULL, NULL},
    {SHAPE_TEXT, "Host", "Host", NULL, NULL},
    {SHAPE_TEXT, "StatusCode", "StatusCode", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape target_group_tuple[] = {
    {SHAPE_TEXT, "TargetGroupArn", "TargetGroupArn", NULL, NULL},
    {SHAPE_NUMBER, "Weight", "Weight", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape forward_action_config[] = {
    {SHAPE_LIST, "TargetGroups", "TargetGroups", target_group_tuple, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape action[] = {
    {SHAPE_TEXT, "Type", "Type", NULL, NULL},
    {SHAPE_NUMBER, "Order", "Order", NULL, NULL},
    {SHAPE_TEXT, "TargetGroupArn", "TargetGroupArn", NULL, NULL},
    {SHAPE_RECORD, "RedirectConfig", "RedirectConfig", redirect_action_config, NULL},
    {SHAPE_RECORD, "ForwardConfig", "ForwardConfig", forward_action_config, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape listener[] = {
    {SHAPE_TEXT, "ListenerArn", "ListenerArn", NULL, NULL},
    {SHAPE_TEXT, "LoadBalancerArn", "LoadBalancerArn", NULL, NULL},
    {SHAPE_NUMBER, "Port", "Port", NULL, NULL},
    {SHAPE_TEXT, "Protocol", "Protocol", NULL, NULL},
    {SHAPE_LIST, "DefaultActions", "DefaultActions", action, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_listeners[] = {
    {SHAPE_LIST, "Listeners", "Listeners", listener, NULL},
    {SHAPE_TEXT, "NextMarker", "NextMarker", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape rule[] = {
    {SHAPE_TEXT, "RuleArn", "RuleArn", NULL, NULL},
    {SHAPE_TEXT, "Priority", "Priority", NULL, NULL},
    {SHAPE_BOOL, "IsDefault", "IsDefault", NULL, NULL},
    {SHAPE_LIST, "Actions", "Actions", action, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_rules[] = {
    {SHAPE_LIST, "Rules", "Rules", rule, NULL},
    {SHAPE_TEXT, "NextMarker", "NextMarker", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape target_group[] = {
    {SHAPE_TEXT, "TargetGroupArn", "TargetGroupArn", NULL, NULL},
    {SHAPE_TEXT, "TargetGroupName", "TargetGroupName", NULL, NULL},
    {SHAPE_TEXT, "Protocol", "Protocol", NULL, NULL},
    {SHAPE_NUMBER, "Port", "Port", NULL, NULL},
    {SHAPE_TEXT, "VpcId", "VpcId", NULL, NULL},
    {SHAPE_TEXT, "TargetType", "TargetType", NULL, NULL},
    {SHAPE_TEXT, "IpAddressType", "IpAddressType", NULL, NULL},
    {SHAPE_TEXTS, "LoadBalancerArns", "LoadBalancerArns", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_targets[] = {
    {SHAPE_LIST, "TargetGroups", "TargetGroups", target_group, NULL},
    {SHAPE_TEXT, "NextMarker", "NextMarker", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape target_description[] = {
    {SHAPE_TEXT, "Id", "Id", NULL, NULL},
    {SHAPE_NUMBER, "Port", "Port", NULL, NULL},
    {SHAPE_TEXT, "AvailabilityZone", "AvailabilityZone", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape target_health[] = {
    {SHAPE_TEXT, "State", "State", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape target_health_description[] = {
    {SHAPE_RECORD, "Target", "Target", target_description, NULL},
    {SHAPE_RECORD, "TargetHealth", "TargetHealth", target_health, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_health[] = {
    {SHAPE_LIST, "TargetHealthDescriptions", "TargetHealthDescriptions", target_health_description, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape target_group_attribute[] = {
    {SHAPE_TEXT, "Key", "Key", NULL, NULL},
    {SHAPE_TEXT, "Value", "Value", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

const struct shape call_shape_attributes[] = {
    {SHAPE_LIST, "Attributes", "Attributes", target_group_attribute, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};
