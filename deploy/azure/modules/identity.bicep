// A user-assigned identity for each service, one that reads queues' lengths, and one that deploys from GitHub.
param prefix string
param location string
param tags object
@description('What identities are made for; `deploy` must be one of them.')
param names array
@description('owner/name of the repository whose workflow may deploy; empty: none.')
param githubRepository string
@description('The environment of GitHub that approves deployments.')
param githubEnvironment string

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = [for name in names: {
  name: '${prefix}-${name}'
  location: location
  tags: tags
}]

resource deployer 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: '${prefix}-deploy'
}

resource github 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = if (!empty(githubRepository)) {
  parent: deployer
  name: 'github'
  properties: {
    issuer: 'https://token.actions.githubusercontent.com'
    subject: 'repo:${githubRepository}:environment:${githubEnvironment}'
    audiences: ['api://AzureADTokenExchange']
  }
  dependsOn: [identities]
}

@description('Of each: name, id, principalId, clientId.')
output all array = [for (name, i) in names: {
  name: name
  id: identities[i].id
  principalId: identities[i].properties.principalId
  clientId: identities[i].properties.clientId
}]
